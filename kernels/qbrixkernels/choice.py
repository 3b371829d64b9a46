"""Choosing by scores that are already drawn.

Shapes: K arms, N choices.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import read
from qbrixkernels.declare import write


@kernel(VOID(read(REAL, 2), read(BOOL, 1), read(REAL, 1), write(INT, 1)))
def best(
    scores: NDArray[np.float64],
    active: NDArray[np.bool_],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
) -> None:
    """Fill ``arms`` (N,) with the active arm of the largest score in each row.

    ``scores`` is (N, K); equal ones are settled by ``ties`` (N,), uniform in [0, 1).
    At least one arm is active.
    """
    for n in range(scores.shape[0]):
        top = -np.inf
        equal = 0
        for k in range(scores.shape[1]):
            if active[k]:
                if scores[n, k] > top or equal == 0:
                    top = scores[n, k]
                    equal = 1
                    arms[n] = k
                elif scores[n, k] == top:
                    equal += 1
        if equal > 1:
            skip = int(ties[n] * equal)
            for k in range(scores.shape[1]):
                if active[k] and scores[n, k] == top:
                    if skip == 0:
                        arms[n] = k
                        break
                    skip -= 1
