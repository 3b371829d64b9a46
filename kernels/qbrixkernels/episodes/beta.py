"""Steps of Thompson sampling on beta posteriors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import beta
from qbrixkernels import choice
from qbrixkernels.declare import part
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


@part
def take(alpha: NDArray[np.float64], shortfall: NDArray[np.float64], ask: Ask) -> None:
    """The arm of the largest draw from Beta(α, β)."""
    draws = np.zeros((1, alpha.size))
    done = 0
    while done < draws.size:
        left = draws.size - done
        normals = ask.rng.standard_normal(beta.trials(left))
        uniforms = ask.rng.random(normals.size + beta.boosts(alpha, shortfall, left))
        done = beta.draw(alpha, shortfall, ask.active, normals, uniforms, done, draws)
    choice.best(draws, ask.active, ask.rng.random(1), ask.arms)
    ask.propensities[0] = np.nan


@step(CHOOSE)
def choose(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """The arm of the largest posterior draw."""
    size = ask.active.size
    take(state.reals[:size], state.reals[size:], ask)


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
    take(state.reals[:size] + hyper[0], state.reals[size:] + hyper[1], ask)


@step(LEARN)
def learn_discounted(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Count N rewards, each after discounting."""
    size = state.counts.size
    successes, failures = state.reals[:size], state.reals[size:]
    beta.fold_discounted(
        successes, failures, state.counts, hyper[2], log.arms, log.rewards
    )
