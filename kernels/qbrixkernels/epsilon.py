"""The best mean, but for a share of uniform exploration.

Shapes: K arms of which M are active, N choices or observations. ``total`` (K,) is the
sum of the rewards of an arm, ``pulls`` (K,) their number.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import part
from qbrixkernels.declare import read
from qbrixkernels.declare import write

# sums of rewards saturate here, so that every mean stays finite
LARGEST: Final = 1e300


@part
def greedy(scores: NDArray[np.float64], tie: float) -> tuple[int, int, float]:
    """One of the largest scores, how many there are, and what they are."""
    top = -np.inf
    equal = 0
    for m in range(scores.size):
        if scores[m] > top:
            top = scores[m]
            equal = 1
        elif scores[m] == top:
            equal += 1
    skip = int(tie * equal)
    chosen = 0
    for m in range(scores.size):
        if scores[m] == top:
            chosen = m
            if skip == 0:
                break
            skip -= 1
    return chosen, max(equal, 1), top


@kernel(
    VOID(
        read(REAL, 1),
        read(INT, 1),
        REAL,
        read(BOOL, 1),
        read(REAL, 1),
        read(REAL, 1),
        read(REAL, 1),
        write(INT, 1),
        write(REAL, 1),
    )
)
def select(
    total: NDArray[np.float64],
    pulls: NDArray[np.int64],
    eps: float,
    active: NDArray[np.bool_],
    in_flight: NDArray[np.float64],
    draws: NDArray[np.float64],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Take the largest mean, or with probability ``eps`` any active arm, N times.

    An arm never played is better than any mean, until it is in flight: ``in_flight``
    (K,) counts choices whose reward is not known yet, to which each row adds for those
    behind it. Until its first reward it is then taken for an average one. ``draws`` and
    ``ties`` (N,) are uniform in [0, 1). Fills ``arms`` and their exact probabilities.
    """
    which = np.flatnonzero(active)
    learned = pulls.sum()
    average = total.sum() / learned if learned > 0 else 0.0
    means = np.empty(which.size)
    scores = np.empty(which.size)
    for m in range(which.size):
        k = which[m]
        means[m] = total[k] / pulls[k] if pulls[k] > 0 else average
        scores[m] = means[m] if pulls[k] + in_flight[k] > 0.0 else np.inf
    for n in range(draws.size):
        m, equal, top = greedy(scores, ties[n])
        if draws[n] < eps:
            m = min(int(draws[n] / eps * which.size), which.size - 1)
        arms[n] = which[m]
        propensities[n] = eps / which.size
        if scores[m] == top:
            propensities[n] += (1.0 - eps) / equal
        scores[m] = means[m]


@kernel(VOID(write(REAL, 1), write(INT, 1), read(INT, 1), read(REAL, 1)))
def fold(
    total: NDArray[np.float64],
    pulls: NDArray[np.int64],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
) -> None:
    """Add N rewards to the sums, in place."""
    for n in range(arms.size):
        summed = total[arms[n]] + rewards[n]
        total[arms[n]] = min(max(summed, -LARGEST), LARGEST)
        pulls[arms[n]] += 1
