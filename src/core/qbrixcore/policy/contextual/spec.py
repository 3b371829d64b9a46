"""Specs of the contextual policies."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta

from qbrixcore.param.hyper import Dim
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import Positive
from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import PerArmMatrix
from qbrixcore.param.state import PerArmVector
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


class RidgeParamState(BaseParamState, frozen=True):
    """One ridge regression per arm.

    ``gram`` is λI + Σ x xᵀ and ``moment`` is Σ r x, both exact sums; ``inverse`` is
    gram⁻¹, kept by rank-one updates and recomputed from ``gram`` on schedule;
    ``theta`` is inverse · moment. Selecting reads the last two only.
    """

    gram: PerArmMatrix
    inverse: PerArmMatrix
    moment: PerArmVector
    theta: PerArmVector


def _ridge_prior(num_arms: int, hyper: LinUCBHyper) -> RidgeParamState:
    dim = hyper.dim
    gram = np.zeros((num_arms, dim, dim))
    inverse = np.zeros((num_arms, dim, dim))
    diagonal = np.arange(dim)
    gram[:, diagonal, diagonal] = hyper.ridge
    inverse[:, diagonal, diagonal] = 1.0 / hyper.ridge
    return RidgeParamState(
        num_arms=num_arms,
        dim=dim,
        pulls=np.zeros(num_arms, dtype=np.int64),
        gram=gram,
        inverse=inverse,
        moment=np.zeros((num_arms, dim)),
        theta=np.zeros((num_arms, dim)),
    )


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
    prior=_ridge_prior,
    implementation="qbrixcore.policy.contextual.ucb:LinUCBPolicy",
    contextual=True,
    example={"dim": 3},
)

SPECS = (LIN_UCB,)
