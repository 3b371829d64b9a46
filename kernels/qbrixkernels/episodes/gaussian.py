"""Steps of Thompson sampling on normal posteriors.

``reals`` is mean (K,) and precision (K,), ``hyper`` prior mean, prior precision and
noise precision.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import choice
from qbrixkernels import gaussian
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
        draws[0, k] = ask.rng.standard_normal() / math.sqrt(state.reals[size + k])
        draws[0, k] += state.reals[k]
    choice.best(draws, ask.active, ask.rng.random(1), ask.arms)
    ask.propensities[0] = np.nan


@step(LEARN)
def learn(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Learn N rewards."""
    size = state.counts.size
    mean, precision = state.reals[:size], state.reals[size:]
    gaussian.fold(mean, precision, state.counts, hyper[2], log.arms, log.rewards)
