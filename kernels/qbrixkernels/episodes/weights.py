"""Steps of exponential weights."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import weights
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


@step(CHOOSE)
def choose_mixed(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """EXP3: a draw from the mixed probabilities; ``hyper`` is γ."""
    weights.select_mixed(
        state.reals,
        ask.active,
        hyper[0],
        ask.rng.random(1),
        ask.arms,
        ask.propensities,
    )


@step(LEARN)
def learn_mixed(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """EXP3: importance-weighted gains; ``hyper`` is γ."""
    weights.fold_mixed(
        state.reals, state.counts, hyper[0], log.arms, log.rewards, log.propensities
    )


@step(CHOOSE)
def choose_implicit(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """EXP3-IX: a draw from exponential weights; ``hyper`` is η, NaN for the anytime."""
    eta, size = hyper[0], ask.active.size
    if math.isnan(eta):
        eta = math.sqrt(math.log(size) / (size * (state.counts.sum() + 1)))
    weights.select_implicit(
        state.reals, ask.active, eta, ask.rng.random(1), ask.arms, ask.propensities
    )


@step(LEARN)
def learn_implicit(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """EXP3-IX: losses with implicit exploration; ``hyper`` is η."""
    eta = 0.0 if math.isnan(hyper[0]) else hyper[0]
    weights.fold_implicit(
        state.reals, state.counts, eta, log.arms, log.rewards, log.propensities
    )
