"""Steps of ridge regressions, one per arm.

``reals`` is gram (K, D, D), its inverse (K, D, D), moment (K, D) and theta (K, D).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import choice
from qbrixkernels import ridge
from qbrixkernels.declare import part
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


@part
def matrix(reals: NDArray[np.float64], nth: int, k: int, d: int) -> NDArray[np.float64]:
    """The nth (K, D, D) array."""
    size = k * d * d
    return reals[nth * size : (nth + 1) * size].reshape((k, d, d))


@part
def vector(reals: NDArray[np.float64], nth: int, k: int, d: int) -> NDArray[np.float64]:
    """The nth (K, D) array behind both matrices."""
    start = 2 * k * d * d + nth * k * d
    return reals[start : start + k * d].reshape((k, d))


@step(CHOOSE)
def choose_optimistic(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """LinUCB: the largest upper confidence bound; ``hyper`` is D, α, λ."""
    k, d = ask.active.size, ask.contexts.shape[1]
    ridge.select_optimistic(
        matrix(state.reals, 0, k, d),
        matrix(state.reals, 1, k, d),
        vector(state.reals, 1, k, d),
        hyper[1],
        ask.contexts,
        ask.active,
        ask.gram,
        ask.rng.random(1),
        ask.arms,
        ask.propensities,
    )


@step(CHOOSE)
def choose_drawn(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """LinTS: the largest draw of a score; ``hyper`` is D, v, λ."""
    k, d = ask.active.size, ask.contexts.shape[1]
    scores, deviations = np.zeros((1, k)), np.zeros((1, k))
    ridge.marginals(
        matrix(state.reals, 1, k, d),
        vector(state.reals, 1, k, d),
        hyper[1],
        ask.contexts,
        ask.active,
        scores,
        deviations,
    )
    for arm in range(k):
        scores[0, arm] += deviations[0, arm] * ask.rng.standard_normal()
    choice.best(scores, ask.active, ask.rng.random(1), ask.arms)
    ask.propensities[0] = np.nan


@step(LEARN)
def learn(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Learn N rewards of contexts."""
    k, d = state.counts.size, log.vectors.shape[1]
    ridge.fold(
        matrix(state.reals, 0, k, d),
        matrix(state.reals, 1, k, d),
        vector(state.reals, 0, k, d),
        vector(state.reals, 1, k, d),
        state.counts,
        log.arms,
        log.rewards,
        log.vectors,
    )
