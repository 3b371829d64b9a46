"""Steps of optimistic indices.

``reals`` is the sum of the rewards of each arm (K,), then, where squares are learned,
the sum of their squares (K,).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import divergence
from qbrixkernels import indices
from qbrixkernels.declare import part
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


@step(CHOOSE)
def choose_tuned(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """UCB1-Tuned; ``hyper`` is α."""
    size = ask.active.size
    indices.select_tuned(
        state.reals[:size],
        state.reals[size:],
        state.counts,
        hyper[0],
        ask.active,
        ask.in_flight,
        ask.rng.random(1),
        ask.arms,
        ask.propensities,
    )


@step(CHOOSE)
def choose_moss(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """MOSS; ``hyper`` is the horizon."""
    indices.select_moss(
        state.reals,
        state.counts,
        hyper[0],
        ask.active,
        ask.in_flight,
        ask.rng.random(1),
        ask.arms,
        ask.propensities,
    )


@step(CHOOSE)
def choose_moss_anytime(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """MOSS-anytime; ``hyper`` is α."""
    indices.select_moss_anytime(
        state.reals,
        state.counts,
        hyper[0],
        ask.active,
        ask.in_flight,
        ask.rng.random(1),
        ask.arms,
        ask.propensities,
    )


@part
def choose_divergent(state: State, c: float, plus: bool, ask: Ask) -> None:
    """The largest bound by Kullback-Leibler divergence."""
    divergence.select(
        state.reals,
        state.counts,
        c,
        plus,
        ask.active,
        ask.in_flight,
        ask.rng.random(1),
        ask.arms,
        ask.propensities,
    )


@step(CHOOSE)
def choose_kl(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """KL-UCB; ``hyper`` is c."""
    choose_divergent(state, hyper[0], False, ask)


@step(CHOOSE)
def choose_kl_plus(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """KL-UCB+; ``hyper`` is c."""
    choose_divergent(state, hyper[0], True, ask)


@step(LEARN)
def learn(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Add up N rewards."""
    indices.fold(state.reals, state.counts, log.arms, log.rewards)


@step(LEARN)
def learn_squares(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Add up N rewards and their squares."""
    size = state.counts.size
    total, squares = state.reals[:size], state.reals[size:]
    indices.fold_squares(total, squares, state.counts, log.arms, log.rewards)
