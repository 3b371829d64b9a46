"""Spec of the policy that explores with a fixed probability."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from qbrixcore.param.hyper import Fraction
from qbrixcore.param.hyper import Hyper
from qbrixcore.policy.spec import ANY_NUMBER
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.policy.stochastic.index_spec import MeanParamState
from qbrixcore.policy.stochastic.index_spec import mean_prior


class EpsilonHyper(Hyper, frozen=True):
    """How much to explore, and how fast that fades."""

    eps: Annotated[Fraction, Meta(description="Probability of exploring.")] = 0.1
    gamma: Annotated[
        Fraction,
        Meta(description="Share of eps that is lost with every reward learned."),
    ] = 0.0


EPSILON = PolicySpec(
    name="EpsilonPolicy",
    category="stochastic",
    description=(
        "The arm with the best mean so far, or any arm with probability eps, which may "
        "fade as rewards are learned. Simple; for any reward."
    ),
    rewards=ANY_NUMBER,
    hyper=EpsilonHyper,
    state=MeanParamState,
    prior=mean_prior,
    implementation="qbrixcore.policy.stochastic.eps:EpsilonPolicy",
    aliases={"epsilon": "eps"},
)

SPECS = (EPSILON,)
