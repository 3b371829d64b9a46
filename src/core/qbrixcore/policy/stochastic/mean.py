"""What policies that learn a mean per arm have in common."""

from __future__ import annotations

from typing import Any

import msgspec

from qbrixcore.context import Feedback
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.stochastic.index_spec import MeanParamState
from qbrixkernels import indices


class MeanPolicy(BasePolicy[MeanParamState]):
    """Learns the sum and the number of rewards of each arm."""

    @classmethod
    def _fold(
        cls, hyper: Any, state: MeanParamState, feedback: Feedback
    ) -> MeanParamState:
        total, pulls = state.total.copy(), state.pulls.copy()
        indices.fold(total, pulls, feedback.arms, feedback.rewards)
        return msgspec.structs.replace(state, total=total, pulls=pulls)
