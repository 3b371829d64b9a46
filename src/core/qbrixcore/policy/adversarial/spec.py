"""Specs of the adversarial policies."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from qbrixcore.param.hyper import Fraction
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.state import BaseParamState
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

SPECS = (EXP3,)
