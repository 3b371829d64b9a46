"""Specs of Thompson sampling for context-free rewards."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import Positive
from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import PerArm
from qbrixcore.policy.spec import BOUNDED
from qbrixcore.policy.spec import PolicySpec


class BetaTSHyper(Hyper, frozen=True):
    """The Beta prior every arm starts from."""

    alpha_prior: Annotated[
        Positive, Meta(description="Prior successes of every arm.")
    ] = 1.0
    beta_prior: Annotated[
        Positive, Meta(description="Prior failures of every arm.")
    ] = 1.0


class BetaTSParamState(BaseParamState, frozen=True):
    """Beta posteriors: ``alpha`` and ``beta`` are prior plus rewards and shortfalls."""

    alpha: PerArm
    beta: PerArm


def _beta_prior(num_arms: int, hyper: BetaTSHyper) -> BetaTSParamState:
    return BetaTSParamState(
        num_arms=num_arms,
        pulls=np.zeros(num_arms, dtype=np.int64),
        alpha=np.full(num_arms, hyper.alpha_prior),
        beta=np.full(num_arms, hyper.beta_prior),
    )


BETA_TS = PolicySpec(
    name="BetaTSPolicy",
    category="stochastic",
    description=(
        "Beta-Bernoulli Thompson sampling: each arm is chosen with the probability "
        "that it is the best one. For successes and failures, or rewards in [0, 1]."
    ),
    rewards=BOUNDED,
    hyper=BetaTSHyper,
    state=BetaTSParamState,
    prior=_beta_prior,
    implementation="qbrixcore.policy.stochastic.ts:BetaTSPolicy",
)

SPECS = (BETA_TS,)
