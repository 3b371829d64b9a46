"""Dirichlet posteriors of rewards on a grid of outcomes in [0, 1].

Shapes: K arms, M outcomes 0, 1/(M - 1), …, 1, N choices or observations.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import read
from qbrixkernels.declare import write


@kernel(VOID(read(REAL, 3), write(REAL, 2)))
def score(weights: NDArray[np.float64], scores: NDArray[np.float64]) -> None:
    """Fill ``scores`` (N, K) with the mean outcome under each of the weights (N, K, M).

    Gamma draws as weights make it the mean of a Dirichlet draw.
    """
    last = weights.shape[2] - 1
    for n in range(weights.shape[0]):
        for k in range(weights.shape[1]):
            total = 0.0
            moment = 0.0
            for m in range(last + 1):
                total += weights[n, k, m]
                moment += weights[n, k, m] * m
            scores[n, k] = moment / (total * last)


@kernel(VOID(write(REAL, 2), write(INT, 1), read(INT, 1), read(REAL, 1)))
def fold(
    counts: NDArray[np.float64],
    pulls: NDArray[np.int64],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
) -> None:
    """Count N rewards in [0, 1] in place, each split between its two neighbours."""
    last = counts.shape[1] - 1
    for n in range(arms.size):
        arm = arms[n]
        place = rewards[n] * last
        below = min(int(place), last - 1)
        share = place - below
        counts[arm, below] += 1.0 - share
        counts[arm, below + 1] += share
        pulls[arm] += 1
