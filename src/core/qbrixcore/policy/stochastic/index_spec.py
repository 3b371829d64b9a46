"""Specs of the policies that choose by an optimistic index of the mean."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import NonNegative
from qbrixcore.param.hyper import Positive
from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import PerArm
from qbrixcore.policy.spec import BOUNDED
from qbrixcore.policy.spec import PolicySpec

LONGEST_HORIZON = 10**15


class UCB1TunedHyper(Hyper, frozen=True):
    """How optimistic to be."""

    alpha: Annotated[
        Positive, Meta(description="Weight of the confidence term; 2 is the paper's.")
    ] = 2.0


class KLUCBHyper(Hyper, frozen=True):
    """How slowly confidence is gained."""

    c: Annotated[
        NonNegative,
        Meta(description="Weight of log log t beside log t; 0 does best in practice."),
    ] = 0.0


class MOSSHyper(Hyper, frozen=True):
    """How long the experiment will run."""

    horizon: Annotated[
        int,
        Meta(gt=0, le=LONGEST_HORIZON, description="Number of choices to be made."),
    ]


class MOSSAnyTimeHyper(Hyper, frozen=True):
    """How optimistic to be."""

    alpha: Annotated[
        Positive,
        Meta(description="Weight of the confidence term; 1.35 is the paper's advice."),
    ] = 1.35


class MeanParamState(BaseParamState, frozen=True):
    """Means as sums: ``total`` is the sum of the rewards of an arm."""

    total: PerArm


class MomentsParamState(BaseParamState, frozen=True):
    """Moments as sums: ``total`` of rewards, ``squares`` of their squares."""

    total: PerArm
    squares: PerArm


def mean_prior(num_arms: int, hyper: Hyper) -> MeanParamState:
    """No rewards yet."""
    return MeanParamState(
        num_arms=num_arms,
        pulls=np.zeros(num_arms, dtype=np.int64),
        total=np.zeros(num_arms),
    )


def _moments_prior(num_arms: int, hyper: Hyper) -> MomentsParamState:
    return MomentsParamState(
        num_arms=num_arms,
        pulls=np.zeros(num_arms, dtype=np.int64),
        total=np.zeros(num_arms),
        squares=np.zeros(num_arms),
    )


UCB1_TUNED = PolicySpec(
    name="UCB1TunedPolicy",
    category="stochastic",
    description=(
        "Upper confidence bound that narrows with the variance seen. Deterministic "
        "but for ties; for rewards in [0, 1] that vary little."
    ),
    rewards=BOUNDED,
    hyper=UCB1TunedHyper,
    state=MomentsParamState,
    prior=_moments_prior,
    implementation="qbrixcore.policy.stochastic.ucb:UCB1TunedPolicy",
)

KL_UCB = PolicySpec(
    name="KLUCBPolicy",
    category="stochastic",
    description=(
        "Upper confidence bound by Kullback-Leibler divergence, the tightest there is "
        "for successes and failures; also for rewards in [0, 1]."
    ),
    rewards=BOUNDED,
    hyper=KLUCBHyper,
    state=MeanParamState,
    prior=mean_prior,
    implementation="qbrixcore.policy.stochastic.ucb:KLUCBPolicy",
)

KL_UCB_PLUS = PolicySpec(
    name="KLUCBPlusPolicy",
    category="stochastic",
    description=(
        "KL-UCB that explores an arm less the more it has been chosen. For successes "
        "and failures, or rewards in [0, 1], over long horizons."
    ),
    rewards=BOUNDED,
    hyper=KLUCBHyper,
    state=MeanParamState,
    prior=mean_prior,
    implementation="qbrixcore.policy.stochastic.ucb:KLUCBPlusPolicy",
)

MOSS = PolicySpec(
    name="MOSSPolicy",
    category="stochastic",
    description=(
        "Minimax optimal strategy in the stochastic case, for a number of choices "
        "known in advance; for rewards in [0, 1]."
    ),
    rewards=BOUNDED,
    hyper=MOSSHyper,
    state=MeanParamState,
    prior=mean_prior,
    implementation="qbrixcore.policy.stochastic.moss:MOSSPolicy",
    example={"horizon": 10_000},
)

MOSS_ANY_TIME = PolicySpec(
    name="MOSSAnyTimePolicy",
    category="stochastic",
    description=(
        "Minimax optimal strategy in the stochastic case, without a known horizon; "
        "for rewards in [0, 1]."
    ),
    rewards=BOUNDED,
    hyper=MOSSAnyTimeHyper,
    state=MeanParamState,
    prior=mean_prior,
    implementation="qbrixcore.policy.stochastic.moss:MOSSAnyTimePolicy",
)

SPECS = (UCB1_TUNED, KL_UCB, KL_UCB_PLUS, MOSS, MOSS_ANY_TIME)
