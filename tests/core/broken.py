"""Policies that each break one clause of the policy contract."""

from __future__ import annotations

from typing import Annotated
from typing import Any

import msgspec
import numpy as np
from msgspec import Meta

from qbrixcore.context import Feedback
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import Positive
from qbrixcore.param.state import BaseParamState
from qbrixcore.policy.adversarial.exp import EXP3Policy
from qbrixcore.policy.adversarial.spec import EXP3ParamState
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.policy.stochastic.ts import BetaTSPolicy
from qbrixcore.policy.stochastic.ts_spec import BetaTSHyper
from qbrixcore.policy.stochastic.ts_spec import BetaTSParamState

replace = msgspec.structs.replace


class CitesNothing(BetaTSPolicy):
    """Thompson sampling, by hearsay."""


class UndescribedHyper(Hyper, frozen=True):
    """A parameter nobody explains."""

    alpha_prior: Positive = 1.0
    beta_prior: Annotated[Positive, Meta(description="Prior failures.")] = 1.0


class DescribesNothing(BetaTSPolicy):
    """Has a parameter without a description."""

    spec = replace(BetaTSPolicy.spec, hyper=UndescribedHyper)


class LooseHyper(BetaTSHyper, frozen=True, forbid_unknown_fields=False):
    """Takes whatever it is given."""


class TakesAnyParams(BetaTSPolicy):
    """Accepts unknown parameters."""

    spec = replace(BetaTSPolicy.spec, hyper=LooseHyper)


class LenientSpec(PolicySpec, frozen=True):
    """Replaces what is not finite instead of refusing it."""

    def validate(self, params: Any) -> Hyper:
        try:
            return super().validate(params)
        except Exception:
            return super().validate({})


class ForgivesBadParams(BetaTSPolicy):
    """Runs with its defaults when the parameters are wrong."""

    spec = LenientSpec(
        **{
            name: getattr(BetaTSPolicy.spec, name)
            for name in BetaTSPolicy.spec.__struct_fields__
        }
    )


def _prior_with_pulls(num_arms: int, hyper: BetaTSHyper) -> BaseParamState:
    prior = BetaTSPolicy.spec.prior(num_arms, hyper)
    return replace(prior, pulls=prior.pulls + 1)


class RemembersFromBirth(BetaTSPolicy):
    """Its prior has pulls."""

    spec = replace(BetaTSPolicy.spec, prior=_prior_with_pulls)


class LosesCount(BetaTSPolicy):
    """Learns without counting."""

    @classmethod
    def _fold(cls, hyper: Any, state: Any, feedback: Feedback) -> BetaTSParamState:
        return replace(super()._fold(hyper, state, feedback), pulls=state.pulls)


class LearnsInPlace(BetaTSPolicy):
    """Edits the state it was given."""

    @classmethod
    def _fold(cls, hyper: Any, state: Any, feedback: Feedback) -> BetaTSParamState:
        folded = super()._fold(hyper, state, feedback)
        state.alpha[:] = folded.alpha
        return folded


class LearnsNothing(BetaTSPolicy):
    """Returns the state it was given."""

    @classmethod
    def _fold(cls, hyper: Any, state: Any, feedback: Feedback) -> BetaTSParamState:
        assert isinstance(state, BetaTSParamState)
        return state


class TidiesUpPerCall(EXP3Policy):
    """Renormalises once a batch, so that bits depend on the batches."""

    @classmethod
    def _fold(cls, hyper: Any, state: Any, feedback: Feedback) -> EXP3ParamState:
        folded = super()._fold(hyper, state, feedback)
        return replace(folded, log_weights=folded.log_weights * (1 - 1e-12))


class ForgetsTheFirst(BetaTSPolicy):
    """Weighs the last rewards more than the first."""

    @classmethod
    def _fold(cls, hyper: Any, state: Any, feedback: Feedback) -> BetaTSParamState:
        alpha, beta, pulls = state.alpha.copy(), state.beta.copy(), state.pulls.copy()
        for arm, reward in zip(feedback.arms, feedback.rewards, strict=True):
            alpha[arm] = 0.99 * alpha[arm] + reward
            beta[arm] = 0.99 * beta[arm] + 1 - reward
            pulls[arm] += 1
        assert isinstance(state, BetaTSParamState)
        return replace(state, alpha=alpha, beta=beta, pulls=pulls)


class ClaimsThatOrderMatters(BetaTSPolicy):
    """Asks to be excused from what it does well."""

    spec = replace(BetaTSPolicy.spec, order_matters=True)


class ForgetfulState(BetaTSParamState, frozen=True):
    """Keeps something that is never stored."""

    secret: float = 0.0


class KeepsSecrets(BetaTSPolicy):
    """Learns into a field that the wire does not carry, and needs it back."""

    spec = replace(
        BetaTSPolicy.spec,
        state=ForgetfulState,
        prior=lambda num_arms, hyper: ForgetfulState(
            secret=1.0,
            num_arms=num_arms,
            pulls=np.zeros(num_arms, dtype=np.int64),
            alpha=np.ones(num_arms),
            beta=np.ones(num_arms),
        ),
    )

    @classmethod
    def _select_many(cls, hyper: Any, state: Any, *rest: Any) -> Chosen:
        assert state.secret, "lost on the way"
        return super()._select_many(hyper, state, *rest)


class LearnsUnchecked(BetaTSPolicy):
    """Folds whatever comes."""

    @classmethod
    def fold(cls, hyper: Any, state: Any, feedback: Feedback) -> BetaTSParamState:
        assert isinstance(state, BetaTSParamState)
        return state


class WeighsByToday(EXP3Policy):
    """Divides by the probability of now instead of that of the choice."""

    @classmethod
    def _fold(cls, hyper: Any, state: Any, feedback: Feedback) -> EXP3ParamState:
        grown = np.exp(state.log_weights - state.log_weights.max())
        p = 0.9 * grown / grown.sum() + 0.1 / state.num_arms
        today = replace(feedback, propensities=p[feedback.arms])
        return super()._fold(hyper, state, today)


class Overflows(EXP3Policy):
    """Adds gains without a limit."""

    @classmethod
    def _fold(cls, hyper: Any, state: Any, feedback: Feedback) -> EXP3ParamState:
        folded = super()._fold(hyper, state, feedback)
        with np.errstate(over="ignore"):
            gains = feedback.rewards / feedback.propensities / feedback.propensities
            grown = folded.log_weights.copy()
            np.add.at(grown, feedback.arms, gains)
        return replace(folded, log_weights=grown)


class WantsToLose(BetaTSPolicy):
    """Learns every reward upside down."""

    @classmethod
    def _fold(cls, hyper: Any, state: Any, feedback: Feedback) -> BetaTSParamState:
        inverted = replace(feedback, rewards=1 - feedback.rewards)
        return super()._fold(hyper, state, inverted)


class StartsAgainWhenGrowing(BetaTSPolicy):
    """Forgets what old arms learned when new ones come."""

    @classmethod
    def _grow(cls, hyper: Any, state: Any, grown: Any) -> Any:
        return replace(cls.spec.prior(grown.num_arms, hyper), pulls=grown.pulls)


class ShutsNewcomersOut(EXP3Policy):
    """Gives a new arm no weight to speak of."""

    spec = replace(EXP3Policy.spec, example={"gamma": 1e-6})

    @classmethod
    def _grow(cls, hyper: Any, state: Any, grown: Any) -> Any:
        low = np.where(np.arange(grown.num_arms) < state.num_arms, 0.0, -500.0)
        return replace(grown, log_weights=grown.log_weights + low)


class DropsArms(BetaTSPolicy):
    """Becomes as small as it is asked to."""

    @classmethod
    def grow(cls, hyper: Any, state: Any, num_arms: int) -> Any:
        return cls.spec.prior(num_arms, hyper)
