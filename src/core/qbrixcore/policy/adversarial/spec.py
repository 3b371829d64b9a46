"""Specs of the adversarial policies."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from qbrixcore.param.hyper import Fraction
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import Positive
from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import Counts
from qbrixcore.param.state import PerArm
from qbrixcore.policy.spec import BOUNDED
from qbrixcore.policy.spec import PolicySpec


class EXP3Hyper(Hyper, frozen=True):
    """How much of the choice is uniform, and how fast weights move."""

    gamma: Annotated[
        Fraction, Meta(description="Share of uniform exploration, and learning rate.")
    ] = 0.1


class EXP3ParamState(BaseParamState, frozen=True):
    """Exponential weights: ``log_weights`` relative to the largest, which is zero."""

    log_weights: PerArm


def _exp3_prior(num_arms: int, hyper: EXP3Hyper) -> EXP3ParamState:
    return EXP3ParamState(
        num_arms=num_arms,
        pulls=np.zeros(num_arms, dtype=np.int64),
        log_weights=np.zeros(num_arms),
    )


EXP3 = PolicySpec(
    name="EXP3Policy",
    category="adversarial",
    description=(
        "Exponential weights with uniform exploration. Assumes nothing of how "
        "rewards come about; for rewards in [0, 1] that may change at any time."
    ),
    rewards=BOUNDED,
    hyper=EXP3Hyper,
    state=EXP3ParamState,
    prior=_exp3_prior,
    implementation="qbrixcore.policy.adversarial.exp:EXP3Policy",
    needs_propensity=True,
)


class EXP3IXHyper(Hyper, frozen=True):
    """How fast losses are believed."""

    eta: Annotated[
        Positive | None,
        Meta(description="Learning rate; √(log K / (K t)), falling, when absent."),
    ] = None


class EXP3IXParamState(BaseParamState, frozen=True):
    """``losses`` is the sum of the estimated losses of an arm."""

    losses: PerArm


class FPLHyper(Hyper, frozen=True):
    """How strongly the leader is perturbed."""

    eta: Annotated[
        Positive,
        Meta(
            description=(
                "Scale of the exponential noise. Some 50 where hundreds of choices are "
                "made between two updates."
            )
        ),
    ] = 5.0


class FPLParamState(BaseParamState, frozen=True):
    """``estimates`` is minus the sum of the estimated losses of an arm.

    ``clipped`` counts the rewards whose importance weight was clipped.
    """

    estimates: PerArm
    clipped: Counts


def _exp3ix_prior(num_arms: int, hyper: EXP3IXHyper) -> EXP3IXParamState:
    return EXP3IXParamState(
        num_arms=num_arms,
        pulls=np.zeros(num_arms, dtype=np.int64),
        losses=np.zeros(num_arms),
    )


def _fpl_prior(num_arms: int, hyper: FPLHyper) -> FPLParamState:
    return FPLParamState(
        num_arms=num_arms,
        pulls=np.zeros(num_arms, dtype=np.int64),
        estimates=np.zeros(num_arms),
        clipped=np.zeros(num_arms, dtype=np.int64),
    )


EXP3_IX = PolicySpec(
    name="EXP3IXPolicy",
    category="adversarial",
    description=(
        "Exponential weights with implicit exploration: less variance than EXP3, for a "
        "small bias. For rewards in [0, 1] that may change at any time."
    ),
    rewards=BOUNDED,
    hyper=EXP3IXHyper,
    state=EXP3IXParamState,
    prior=_exp3ix_prior,
    implementation="qbrixcore.policy.adversarial.exp:EXP3IXPolicy",
    needs_propensity=True,
    order_matters=True,
)

FPL = PolicySpec(
    name="FPLPolicy",
    category="adversarial",
    description=(
        "Follows the perturbed leader: the arm with the smallest estimated loss, after "
        "adding noise. For rewards in [0, 1] that may change at any time."
    ),
    rewards=BOUNDED,
    hyper=FPLHyper,
    state=FPLParamState,
    prior=_fpl_prior,
    implementation="qbrixcore.policy.adversarial.fpl:FPLPolicy",
    needs_propensity=True,
)

SPECS = (EXP3, EXP3_IX, FPL)
