"""Steps of Thompson sampling on logistic regressions.

``reals`` is mean (K, D) and factor (K, T), T = D (D + 1) / 2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import choice
from qbrixkernels import logistic
from qbrixkernels.declare import part
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State

Reals = NDArray[np.float64]


@part
def posterior(reals: Reals, k: int, d: int) -> tuple[Reals, Reals]:
    """Mean and factor."""
    size = d * (d + 1) // 2
    return reals[: k * d].reshape((k, d)), reals[k * d :].reshape((k, size))


@step(CHOOSE)
def choose(state: State, hyper: Reals, ask: Ask) -> None:
    """LogisticTS: the largest draw of log odds; ``hyper`` is D, λ, v."""
    k, d = ask.active.size, ask.contexts.shape[1]
    mean, factor = posterior(state.reals, k, d)
    scores, deviations = np.zeros((1, k)), np.zeros((1, k))
    logistic.marginals(
        factor, mean, hyper[2], ask.contexts, ask.active, scores, deviations
    )
    for arm in range(k):
        scores[0, arm] += deviations[0, arm] * ask.rng.standard_normal()
    choice.best(scores, ask.active, ask.rng.random(1), ask.arms)
    ask.propensities[0] = np.nan


@step(LEARN)
def learn(state: State, hyper: Reals, log: Log) -> None:
    """Learn N rewards of contexts."""
    mean, factor = posterior(state.reals, state.counts.size, log.vectors.shape[1])
    logistic.fold(factor, mean, state.counts, log.arms, log.rewards, log.vectors)
