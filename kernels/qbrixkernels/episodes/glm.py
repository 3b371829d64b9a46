"""Steps of optimism for logistic regressions.

``reals`` is mean (K, D), factor (K, T) and design (K, T), T = D (D + 1) / 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import logistic
from qbrixkernels.declare import part
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


@part
def packed(reals: NDArray[np.float64], nth: int, k: int, d: int) -> NDArray[np.float64]:
    """The nth (K, T) array behind the means."""
    size = d * (d + 1) // 2
    start = k * d + nth * k * size
    return reals[start : start + k * size].reshape((k, size))


@step(CHOOSE)
def choose(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """GLM-UCB: the largest upper confidence bound; ``hyper`` is D, α, λ."""
    k, d = ask.active.size, ask.contexts.shape[1]
    logistic.select_optimistic(
        packed(state.reals, 1, k, d),
        state.reals[: k * d].reshape((k, d)),
        hyper[1],
        ask.contexts,
        ask.active,
        ask.gram,
        ask.rng.random(1),
        ask.arms,
        ask.propensities,
    )


@step(LEARN)
def learn(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Learn N rewards of contexts, and the contexts themselves."""
    k, d = state.counts.size, log.vectors.shape[1]
    mean = state.reals[: k * d].reshape((k, d))
    factor, design = packed(state.reals, 0, k, d), packed(state.reals, 1, k, d)
    logistic.fold(factor, mean, state.counts, log.arms, log.rewards, log.vectors)
    logistic.fold_design(design, log.arms, log.vectors)
