"""Steps of Thompson sampling of whole reward distributions.

``reals`` is counts (K, M), ``hyper`` M and the prior count of an outcome.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import choice
from qbrixkernels import dirichlet
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


@step(CHOOSE)
def choose(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """The arm of the largest mean of a drawn distribution."""
    size = ask.active.size
    outcomes = state.reals.size // size
    weights = np.empty((1, size, outcomes))
    for k in range(size):
        for m in range(outcomes):
            count = state.reals[k * outcomes + m] + hyper[1]
            weights[0, k, m] = ask.rng.standard_gamma(count)
    scores = np.empty((1, size))
    dirichlet.score(weights, scores)
    choice.best(scores, ask.active, ask.rng.random(1), ask.arms)
    ask.propensities[0] = np.nan


@step(LEARN)
def learn(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Count N rewards."""
    size = state.counts.size
    counts = state.reals.reshape((size, state.reals.size // size))
    dirichlet.fold(counts, state.counts, log.arms, log.rewards)
