"""Beta posteriors of rewards in [0, 1].

Shapes: K arms, N choices or observations.
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

LEAST_COUNT: Final = 1e-200


@kernel(
    VOID(write(REAL, 1), write(REAL, 1), write(INT, 1), read(INT, 1), read(REAL, 1))
)
def fold(
    alpha: NDArray[np.float64],
    beta: NDArray[np.float64],
    pulls: NDArray[np.int64],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
) -> None:
    """Count N rewards in place: alpha += r, beta += 1 - r."""
    for n in range(arms.size):
        arm = arms[n]
        alpha[arm] += rewards[n]
        beta[arm] += 1.0 - rewards[n]
        pulls[arm] += 1


@kernel(
    VOID(
        write(REAL, 1), write(REAL, 1), write(INT, 1), REAL, read(INT, 1), read(REAL, 1)
    )
)
def fold_discounted(
    successes: NDArray[np.float64],
    failures: NDArray[np.float64],
    pulls: NDArray[np.int64],
    gamma: float,
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
) -> None:
    """Count N rewards in place; before each, all that was counted is worth γ times."""
    for n in range(arms.size):
        arm = arms[n]
        for k in range(successes.size):
            # what is next to nothing becomes nothing: tiny numbers are slow
            kept = successes[k] * gamma
            successes[k] = kept if kept > LEAST_COUNT else 0.0
            kept = failures[k] * gamma
            failures[k] = kept if kept > LEAST_COUNT else 0.0
        successes[arm] += rewards[n]
        failures[arm] += 1.0 - rewards[n]
        pulls[arm] += 1
