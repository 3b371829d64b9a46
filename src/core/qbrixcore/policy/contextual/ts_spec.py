"""Specs of Thompson sampling that reads a feature vector."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from qbrixcore.param.hyper import Dim
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import Positive
from qbrixcore.policy.contextual.laplace_state import LaplaceParamState
from qbrixcore.policy.contextual.laplace_state import laplace_prior
from qbrixcore.policy.contextual.ridge_state import RidgeParamState
from qbrixcore.policy.contextual.ridge_state import ridge_prior
from qbrixcore.policy.spec import ANY_NUMBER
from qbrixcore.policy.spec import BINARY
from qbrixcore.policy.spec import PolicySpec


class LinTSHyper(Hyper, frozen=True):
    """Width, exploration and regularisation of one ridge regression per arm."""

    dim: Annotated[Dim, Meta(description="Length of the context vector.")]
    v: Annotated[
        Positive, Meta(description="Scale of the posterior's standard deviation.")
    ] = 1.0
    ridge: Annotated[
        float,
        Meta(ge=1e-9, le=1e9, description="Prior precision of every weight."),
    ] = 1.0


LIN_TS = PolicySpec(
    name="LinTSPolicy",
    category="contextual",
    description=(
        "Linear Thompson sampling: one ridge regression per arm, and the arm whose "
        "score for this context, drawn from its posterior, is largest. For rewards "
        "linear in the features."
    ),
    rewards=ANY_NUMBER,
    hyper=LinTSHyper,
    state=RidgeParamState,
    prior=lambda num_arms, hyper: ridge_prior(num_arms, hyper.dim, hyper.ridge),
    implementation="qbrixcore.policy.contextual.ts:LinTSPolicy",
    contextual=True,
    example={"dim": 3},
)


class LogisticTSHyper(Hyper, frozen=True):
    """Width, exploration and regularisation of one logistic regression per arm."""

    dim: Annotated[Dim, Meta(description="Length of the context vector.")]
    prior_precision: Annotated[
        float,
        Meta(ge=1e-9, le=1e9, description="Prior precision of every weight."),
    ] = 1.0
    v: Annotated[
        Positive, Meta(description="Scale of the posterior's standard deviation.")
    ] = 1.0


LOGISTIC_TS = PolicySpec(
    name="LogisticTSPolicy",
    category="contextual",
    description=(
        "Logistic Thompson sampling: one logistic regression per arm, learned online "
        "as a Gaussian posterior, and the arm whose drawn score is largest. For "
        "successes and failures whose chances depend on the features."
    ),
    rewards=BINARY,
    hyper=LogisticTSHyper,
    state=LaplaceParamState,
    prior=lambda num_arms, hyper: laplace_prior(
        num_arms, hyper.dim, hyper.prior_precision
    ),
    implementation="qbrixcore.policy.contextual.ts:LogisticTSPolicy",
    contextual=True,
    order_matters=True,
    example={"dim": 3},
)

SPECS = (LIN_TS, LOGISTIC_TS)
