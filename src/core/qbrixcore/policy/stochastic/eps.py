"""Greedy choice with a share of exploration."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.account import Counts
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.stochastic.eps_spec import EPSILON
from qbrixcore.policy.stochastic.eps_spec import EpsilonHyper
from qbrixcore.policy.stochastic.index_spec import MeanParamState
from qbrixkernels import epsilon


class EpsilonPolicy(BasePolicy[MeanParamState]):
    """The largest mean, or with probability ε (1 - γ)ⁿ any active arm.

    n is the number of rewards learned. Arms never played come before any mean, each
    once.

    References
    ----------
    .. [1] Sutton, R. and Barto, A. (2018). Reinforcement learning: an introduction,
       second edition. Section 2.2.
    """

    spec = EPSILON
    accounts = Counts

    @classmethod
    def _select_many(
        cls,
        hyper: EpsilonHyper,
        state: MeanParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        epsilon.select(
            state.total,
            state.pulls,
            exploration(hyper, state),
            active,
            in_flight.counts,
            rng.random(count),
            rng.random(count),
            arms,
            propensities,
        )
        return arms, propensities

    @classmethod
    def _fold(
        cls, hyper: EpsilonHyper, state: MeanParamState, feedback: Feedback
    ) -> MeanParamState:
        total, pulls = state.total.copy(), state.pulls.copy()
        epsilon.fold(total, pulls, feedback.arms, feedback.rewards)
        return msgspec.structs.replace(state, total=total, pulls=pulls)


def exploration(hyper: EpsilonHyper, state: MeanParamState) -> float:
    """ε (1 - γ)ⁿ, the probability of exploring after n rewards."""
    learned = int(np.add.reduce(state.pulls))
    return float(hyper.eps * (1.0 - hyper.gamma) ** learned)
