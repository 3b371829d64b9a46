"""A plain upper confidence bound, and its step.

Shapes: K arms, N choices. ``total`` (K,) is the reward of each arm.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import read
from qbrixkernels.declare import write
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import State


@kernel(
    VOID(
        read(REAL, 1),
        read(INT, 1),
        REAL,
        read(BOOL, 1),
        read(REAL, 1),
        write(INT, 1),
        write(REAL, 1),
    )
)
def select_ucb(
    total: NDArray[np.float64],
    pulls: NDArray[np.int64],
    scale: float,
    active: NDArray[np.bool_],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Fill N times the arm of the largest total / n + √(scale log t / n).

    An arm without pulls comes first; equal ones are settled by ``ties`` (N,), uniform
    in [0, 1). Choices in flight are ignored.
    """
    index = np.empty(active.size)
    level = scale * math.log(max(pulls.sum(), 1))
    top, equal = -np.inf, 0
    for k in range(active.size):
        index[k] = -np.inf
        if active[k]:
            index[k] = np.inf
            if pulls[k] > 0:
                index[k] = total[k] / pulls[k] + math.sqrt(level / pulls[k])
            if index[k] > top:
                top, equal = index[k], 0
            if index[k] == top:
                equal += 1
    for n in range(ties.size):
        skip = int(ties[n] * equal)
        for k in range(active.size):
            if active[k] and index[k] == top:
                arms[n] = k
                if skip == 0:
                    break
                skip -= 1
        propensities[n] = 1.0 / equal


@step(CHOOSE)
def choose(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """The largest bound; ``hyper`` is the scale."""
    select_ucb(
        state.reals,
        state.counts,
        hyper[0],
        ask.active,
        ask.rng.random(1),
        ask.arms,
        ask.propensities,
    )
