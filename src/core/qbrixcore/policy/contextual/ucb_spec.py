"""Specs of upper confidence bounds of linear models."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from qbrixcore.param.hyper import Dim
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import Positive
from qbrixcore.policy.contextual.ridge_state import RidgeParamState
from qbrixcore.policy.contextual.ridge_state import ridge_prior
from qbrixcore.policy.spec import ANY_NUMBER
from qbrixcore.policy.spec import PolicySpec


class LinUCBHyper(Hyper, frozen=True):
    """Width, optimism and regularisation of one ridge regression per arm."""

    dim: Annotated[Dim, Meta(description="Length of the context vector.")]
    alpha: Annotated[Positive, Meta(description="Standard deviations of optimism.")] = (
        1.5
    )
    ridge: Annotated[
        float,
        Meta(ge=1e-9, le=1e9, description="Prior precision of every weight."),
    ] = 1.0


LIN_UCB = PolicySpec(
    name="LinUCBPolicy",
    category="contextual",
    description=(
        "Disjoint LinUCB: one ridge regression per arm, and the arm with the largest "
        "upper confidence bound for this context. For rewards linear in the features."
    ),
    rewards=ANY_NUMBER,
    hyper=LinUCBHyper,
    state=RidgeParamState,
    prior=lambda num_arms, hyper: ridge_prior(num_arms, hyper.dim, hyper.ridge),
    implementation="qbrixcore.policy.contextual.ucb:LinUCBPolicy",
    contextual=True,
    example={"dim": 3},
)

SPECS = (LIN_UCB,)
