"""Steps of rules that explore by plain chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import epsilon
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


@step(CHOOSE)
def choose_epsilon(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """The best mean, or any arm; ``hyper`` is ε, γ and ``reals`` sums of rewards."""
    epsilon.select(
        state.reals,
        state.counts,
        hyper[0] * (1.0 - hyper[1]) ** state.counts.sum(),
        ask.active,
        ask.in_flight,
        ask.rng.random(1),
        ask.rng.random(1),
        ask.arms,
        ask.propensities,
    )


@step(LEARN)
def learn_epsilon(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Add up N rewards."""
    epsilon.fold(state.reals, state.counts, log.arms, log.rewards)


@step(CHOOSE)
def choose_random(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """Any arm."""
    which = np.flatnonzero(ask.active)
    ask.arms[0] = which[ask.rng.integers(0, which.size, 1)[0]]
    ask.propensities[0] = 1.0 / which.size


@step(LEARN)
def learn_random(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Count N rewards."""
    for n in range(log.arms.size):
        state.counts[log.arms[n]] += 1
