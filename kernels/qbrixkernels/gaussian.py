"""Normal posteriors of rewards with known noise.

Shapes: K arms, N observations.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import read
from qbrixkernels.declare import write

# precisions saturate here, so that they stay finite
LARGEST_PRECISION: Final = 1e300


@kernel(
    VOID(
        write(REAL, 1), write(REAL, 1), write(INT, 1), REAL, read(INT, 1), read(REAL, 1)
    )
)
def fold(
    mean: NDArray[np.float64],
    precision: NDArray[np.float64],
    pulls: NDArray[np.int64],
    noise: float,
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
) -> None:
    """Learn N rewards of precision ν, ``noise``, in place.

    m = (τ m + ν r) / (τ + ν) by shares of one, so that no reward overflows; τ += ν.
    """
    for n in range(arms.size):
        arm = arms[n]
        total = precision[arm] + noise
        share = noise / total
        mean[arm] = mean[arm] * (precision[arm] / total) + rewards[n] * share
        precision[arm] = min(total, LARGEST_PRECISION)
        pulls[arm] += 1
