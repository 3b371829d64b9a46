"""Choosing at random."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.baseline.spec import RANDOM
from qbrixcore.policy.baseline.spec import RandomHyper
from qbrixcore.policy.baseline.spec import RandomParamState


class RandomPolicy(BasePolicy[RandomParamState]):
    """Every active arm with the same probability.

    References
    ----------
    None: there is nothing to derive.
    """

    spec = RANDOM

    @classmethod
    def _select_many(
        cls,
        hyper: RandomHyper,
        state: RandomParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        which = np.flatnonzero(active)
        arms = which[rng.integers(0, which.size, count)]
        return arms, np.full(count, 1.0 / which.size)

    @classmethod
    def _fold(
        cls, hyper: RandomHyper, state: RandomParamState, feedback: Feedback
    ) -> RandomParamState:
        seen = np.bincount(feedback.arms, minlength=state.num_arms)
        return msgspec.structs.replace(state, pulls=state.pulls + seen)
