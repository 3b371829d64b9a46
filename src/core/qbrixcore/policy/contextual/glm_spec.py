"""Spec of upper confidence bounds of generalised linear models."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from qbrixcore.param.hyper import Dim
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import Positive
from qbrixcore.policy.contextual.laplace_state import Factor
from qbrixcore.policy.contextual.laplace_state import LaplaceParamState
from qbrixcore.policy.contextual.laplace_state import laplace_prior
from qbrixcore.policy.spec import BOUNDED
from qbrixcore.policy.spec import PolicySpec


class GLMUCBHyper(Hyper, frozen=True):
    """Width, optimism and regularisation of one logistic regression per arm."""

    dim: Annotated[Dim, Meta(description="Length of the context vector.")]
    alpha: Annotated[Positive, Meta(description="Weight of the confidence term.")] = 1.0
    prior_precision: Annotated[
        float,
        Meta(ge=1e-9, le=1e9, description="Prior precision of every weight."),
    ] = 1.0


class GLMParamState(LaplaceParamState, frozen=True):
    """A posterior of the weights per arm, and the contexts it has seen.

    ``design`` is (λI + Σ xxᵀ)⁻¹, packed as ``factor`` is.
    """

    design: Factor


def _glm_prior(num_arms: int, hyper: GLMUCBHyper) -> GLMParamState:
    blank = laplace_prior(num_arms, hyper.dim, hyper.prior_precision)
    return GLMParamState(
        num_arms=num_arms,
        dim=hyper.dim,
        pulls=blank.pulls,
        mean=blank.mean,
        factor=blank.factor,
        design=blank.factor.copy(),
    )


GLM_UCB = PolicySpec(
    name="GLMUCBPolicy",
    category="contextual",
    description=(
        "One logistic regression per arm, and the arm with the largest upper "
        "confidence bound of its reward for this context. For rewards in [0, 1] whose "
        "log odds are linear in the features."
    ),
    rewards=BOUNDED,
    hyper=GLMUCBHyper,
    state=GLMParamState,
    prior=_glm_prior,
    implementation="qbrixcore.policy.contextual.glm:GLMUCBPolicy",
    contextual=True,
    order_matters=True,
    example={"dim": 3},
)

SPECS = (GLM_UCB,)
