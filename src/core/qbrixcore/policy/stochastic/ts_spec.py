"""Specs of Thompson sampling for context-free rewards."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import Positive
from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import Layout
from qbrixcore.param.state import PerArm
from qbrixcore.policy.spec import ANY_NUMBER
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


class DiscountedTSHyper(BetaTSHyper, frozen=True):
    """The Beta prior every arm starts from and returns to, and how fast it does."""

    gamma: Annotated[
        float,
        Meta(gt=0, le=1, description="What a reward is worth one reward later."),
    ] = 0.99


class DiscountedTSParamState(BaseParamState, frozen=True):
    """Discounted ``successes`` and ``failures``, without the prior."""

    successes: PerArm
    failures: PerArm


def _discounted_prior(
    num_arms: int, hyper: DiscountedTSHyper
) -> DiscountedTSParamState:
    return DiscountedTSParamState(
        num_arms=num_arms,
        pulls=np.zeros(num_arms, dtype=np.int64),
        successes=np.zeros(num_arms),
        failures=np.zeros(num_arms),
    )


DISCOUNTED_TS = PolicySpec(
    name="DiscountedTSPolicy",
    category="stochastic",
    description=(
        "Beta-Bernoulli Thompson sampling that forgets: every reward makes all earlier "
        "ones count less. For successes and failures whose chances drift."
    ),
    rewards=BOUNDED,
    hyper=DiscountedTSHyper,
    state=DiscountedTSParamState,
    prior=_discounted_prior,
    implementation="qbrixcore.policy.stochastic.ts:DiscountedTSPolicy",
    order_matters=True,
)


class GaussianTSHyper(Hyper, frozen=True):
    """The normal prior of every mean, and how noisy rewards are."""

    prior_mean: Annotated[
        float, Meta(description="Mean reward expected of an arm before it is tried.")
    ] = 0.0
    prior_precision: Annotated[
        Positive, Meta(description="One over the variance of that expectation.")
    ] = 1.0
    noise_precision: Annotated[
        Positive, Meta(description="One over the variance of a reward of one arm.")
    ] = 1.0


class GaussianTSParamState(BaseParamState, frozen=True):
    """Normal posteriors of the mean rewards."""

    mean: PerArm
    precision: PerArm


def _gaussian_prior(num_arms: int, hyper: GaussianTSHyper) -> GaussianTSParamState:
    return GaussianTSParamState(
        num_arms=num_arms,
        pulls=np.zeros(num_arms, dtype=np.int64),
        mean=np.full(num_arms, hyper.prior_mean),
        precision=np.full(num_arms, hyper.prior_precision),
    )


GAUSSIAN_TS = PolicySpec(
    name="GaussianTSPolicy",
    category="stochastic",
    description=(
        "Gaussian Thompson sampling: the mean reward of each arm is drawn from a "
        "normal posterior with known noise. For rewards that are any number."
    ),
    rewards=ANY_NUMBER,
    hyper=GaussianTSHyper,
    state=GaussianTSParamState,
    prior=_gaussian_prior,
    implementation="qbrixcore.policy.stochastic.ts:GaussianTSPolicy",
)


class DirichletTSHyper(Hyper, frozen=True):
    """The grid of outcomes, and how often each is taken to have been seen before."""

    num_outcomes: Annotated[
        int,
        Meta(ge=2, le=101, description="Outcomes on an even grid from 0 to 1."),
    ] = 11
    prior: Annotated[
        float, Meta(ge=0.1, le=1e6, description="Prior count of every outcome.")
    ] = 1.0


class DirichletTSParamState(BaseParamState, frozen=True):
    """How often each arm had each of M outcomes, without the prior.

    A reward between two outcomes counts as a share of each.
    """

    counts: Annotated[NDArray[np.float64], Layout("<f8", ("K", "M"))]

    @classmethod
    def axes(cls, hyper: DirichletTSHyper) -> dict[str, int]:
        """Lengths of the axes other than K."""
        return {"D": 0, "M": hyper.num_outcomes}


def _dirichlet_prior(num_arms: int, hyper: DirichletTSHyper) -> DirichletTSParamState:
    return DirichletTSParamState(
        num_arms=num_arms,
        pulls=np.zeros(num_arms, dtype=np.int64),
        counts=np.zeros((num_arms, hyper.num_outcomes)),
    )


DIRICHLET_TS = PolicySpec(
    name="DirichletTSPolicy",
    category="stochastic",
    description=(
        "Multinomial Thompson sampling: the whole distribution of rewards of each arm "
        "is drawn from a Dirichlet posterior. For rewards in [0, 1] of any shape."
    ),
    rewards=BOUNDED,
    hyper=DirichletTSHyper,
    state=DirichletTSParamState,
    prior=_dirichlet_prior,
    implementation="qbrixcore.policy.stochastic.multinomial:DirichletTSPolicy",
)

SPECS = (BETA_TS, DISCOUNTED_TS, GAUSSIAN_TS, DIRICHLET_TS)
