"""Steps of following the perturbed leader.

``reals`` is the estimates (K,), ``counts`` the pulls (K,) and the clipped ones (K,).
``hyper`` is η, and the nodes (Q,) and shares (Q,) of the quadrature of propensities.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import leader
from qbrixkernels.episodes.linking import step
from qbrixkernels.episodes.step import CHOOSE
from qbrixkernels.episodes.step import LEARN
from qbrixkernels.episodes.step import Ask
from qbrixkernels.episodes.step import Log
from qbrixkernels.episodes.step import State


@step(CHOOSE)
def choose(state: State, hyper: NDArray[np.float64], ask: Ask) -> None:
    """The largest perturbed estimate."""
    size, nodes = ask.active.size, hyper.size // 2
    noise = np.empty((1, size))
    for k in range(size):
        noise[0, k] = ask.rng.standard_exponential()
    ties = ask.rng.random(1)
    leader.select(state.reals, hyper[0], ask.active, noise, ties, ask.arms)
    chances = np.empty(size)
    leader.propensities(
        state.reals,
        hyper[0],
        ask.active,
        hyper[1 : 1 + nodes],
        hyper[1 + nodes :],
        chances,
    )
    ask.propensities[0] = chances[ask.arms[0]]


@step(LEARN)
def learn(state: State, hyper: NDArray[np.float64], log: Log) -> None:
    """Learn N losses."""
    size = state.reals.size
    leader.fold(
        state.reals,
        state.counts[size:],
        state.counts[:size],
        log.arms,
        log.rewards,
        log.propensities,
    )
