"""Steps of Thompson sampling on beta posteriors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import beta
from qbrixkernels import choice
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


@step(CHOOSE)
def choose(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """The arm of the largest posterior draw."""
    size = ask.active.size
    draws = np.empty((1, size))
    for k in range(size):
        draws[0, k] = ask.rng.beta(state.reals[k], state.reals[size + k])
    choice.best(draws, ask.active, ask.rng.random(1), ask.arms)
    ask.propensities[0] = np.nan


@step(LEARN)
def learn(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Count N rewards."""
    size = state.counts.size
    alpha, shortfall = state.reals[:size], state.reals[size:]
    beta.fold(alpha, shortfall, state.counts, log.arms, log.rewards)


@step(CHOOSE)
def choose_discounted(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """The arm of the largest draw from prior and counts; ``hyper`` is α₀, β₀, γ."""
    size = ask.active.size
    draws = np.empty((1, size))
    for k in range(size):
        alpha = state.reals[k] + hyper[0]
        shortfall = state.reals[size + k] + hyper[1]
        draws[0, k] = ask.rng.beta(alpha, shortfall)
    choice.best(draws, ask.active, ask.rng.random(1), ask.arms)
    ask.propensities[0] = np.nan


@step(LEARN)
def learn_discounted(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Count N rewards, each after discounting."""
    size = state.counts.size
    successes, failures = state.reals[:size], state.reals[size:]
    beta.fold_discounted(
        successes, failures, state.counts, hyper[2], log.arms, log.rewards
    )
