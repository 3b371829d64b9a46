"""What policies that learn one regression per arm have in common."""

from __future__ import annotations

from typing import Any

import msgspec

from qbrixcore.context import Feedback
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.contextual.laplace_state import LaplaceParamState
from qbrixcore.policy.contextual.ridge_state import RidgeParamState
from qbrixkernels import logistic
from qbrixkernels import ridge


class RidgePolicy(BasePolicy[RidgeParamState]):
    """Learns one ridge regression per arm: A += xxᵀ, b += r x."""

    @classmethod
    def _fold(
        cls, hyper: Any, state: RidgeParamState, feedback: Feedback
    ) -> RidgeParamState:
        gram, inverse = state.gram.copy(), state.inverse.copy()
        moment, theta = state.moment.copy(), state.theta.copy()
        pulls = state.pulls.copy()
        ridge.fold(
            gram,
            inverse,
            moment,
            theta,
            pulls,
            feedback.arms,
            feedback.rewards,
            feedback.vectors,
        )
        return msgspec.structs.replace(
            state, gram=gram, inverse=inverse, moment=moment, theta=theta, pulls=pulls
        )


class LogisticPolicy(BasePolicy[LaplaceParamState]):
    """Learns one logistic regression per arm, one Newton step a reward."""

    @classmethod
    def _fold(
        cls, hyper: Any, state: LaplaceParamState, feedback: Feedback
    ) -> LaplaceParamState:
        mean, factor = state.mean.copy(), state.factor.copy()
        pulls = state.pulls.copy()
        logistic.fold(
            factor, mean, pulls, feedback.arms, feedback.rewards, feedback.vectors
        )
        return msgspec.structs.replace(state, mean=mean, factor=factor, pulls=pulls)
