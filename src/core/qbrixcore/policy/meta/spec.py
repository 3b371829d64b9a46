"""Spec of the policy that chooses between policies."""

from __future__ import annotations

from typing import Annotated
from typing import Any
from typing import Final
from typing import Literal
from typing import TypeAlias

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from qbrixcore.param.hyper import Hyper
from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import Layout
from qbrixcore.param.state import PerArm
from qbrixcore.param.state import PerArmMatrix
from qbrixcore.param.state import PerArmVector
from qbrixcore.policy.meta.learners import learners
from qbrixcore.policy.meta.learners import plain
from qbrixcore.policy.spec import ANY_NUMBER
from qbrixcore.policy.spec import BINARY
from qbrixcore.policy.spec import BOUNDED
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.schema import MAX_DIM

# sums of w r, w and w² that learners without context have of each arm, and that there
# are of each learner
Evidence: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", (3, "F", "K"))]
Merit: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", (3, "L"))]
Chances: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", ("F", "K"))]
Shares: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", ("L",))]
Three: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", (3,))]
Two: TypeAlias = Annotated[NDArray[np.float64], Layout("<f8", (2,))]

RANGES: Final = {"binary": BINARY, "bounded": BOUNDED, "continuous": ANY_NUMBER}


class MetaBanditHyper(Hyper, frozen=True):
    """What kind of reward there is, and whether decisions come with features."""

    reward_type: Annotated[
        Literal["binary", "bounded", "continuous"],
        Meta(description="What a reward is: 0 or 1, in [0, 1], or any number."),
    ] = "bounded"
    use_context: Annotated[
        bool, Meta(description="Try strategies that read the context; needs dim.")
    ] = False
    dim: Annotated[
        int,
        Meta(ge=0, le=MAX_DIM, description="Length of the context vector, if any."),
    ] = 0

    def __post_init__(self) -> None:
        if self.use_context and not self.dim:
            raise ValueError("use_context needs dim or a context_schema")
        if self.dim:
            msgspec.structs.force_setattr(self, "use_context", True)


class MetaBanditParamState(BaseParamState, frozen=True):
    """All learners in one state.

    ``evidence`` and ``merit`` are discounted sums of w r, w and w² with importance
    weights w. ``moments`` are the discounted number of rewards, their mean and their
    squared deviations; ``missed`` is how often an arm was to be expected since it last
    came. The regression of the learners that read the context is LinUCB's.

    Worked out of these on schedule, by the number of rewards: ``shares`` (the
    probabilities with which learners act), ``chances`` (of each arm, with each learner
    that ignores the context, 0 where it seems to be inactive), and ``scale`` (centre
    and spread of the rewards).
    """

    evidence: Evidence
    merit: Merit
    moments: Three
    missed: PerArm
    shares: Shares
    chances: Chances
    scale: Two
    gram: PerArmMatrix
    inverse: PerArmMatrix
    moment: PerArmVector
    theta: PerArmVector

    @classmethod
    def axes(cls, hyper: Any) -> dict[str, int]:
        """Lengths of the axes other than K."""
        return {"D": hyper.dim, "F": len(plain(hyper)), "L": len(learners(hyper))}


def _prior(num_arms: int, hyper: MetaBanditHyper) -> MetaBanditParamState:
    axes = MetaBanditParamState.axes(hyper)
    dim, free, all_of_them = axes["D"], axes["F"], axes["L"]
    square = np.zeros((num_arms, dim, dim))
    square[:, np.arange(dim), np.arange(dim)] = 1.0
    return MetaBanditParamState(
        num_arms=num_arms,
        dim=dim,
        pulls=np.zeros(num_arms, dtype=np.int64),
        evidence=np.zeros((3, free, num_arms)),
        merit=np.zeros((3, all_of_them)),
        moments=np.zeros(3),
        missed=np.zeros(num_arms),
        shares=np.full(all_of_them, 1.0 / all_of_them),
        chances=np.full((free, num_arms), 1.0 / num_arms),
        scale=np.array([0.0, 1.0]),
        gram=square,
        inverse=square.copy(),
        moment=np.zeros((num_arms, dim)),
        theta=np.zeros((num_arms, dim)),
    )


META_BANDIT = PolicySpec(
    name="MetaBanditPolicy",
    category="meta",
    description=(
        "Runs several policies side by side and lets the better ones act more often. "
        "Needs to be told nothing; finds out whether rewards drift and whether the "
        "context helps."
    ),
    rewards=ANY_NUMBER,
    rewards_by=lambda hyper: RANGES[hyper.reward_type],
    hyper=MetaBanditHyper,
    state=MetaBanditParamState,
    prior=_prior,
    implementation="qbrixcore.policy.meta.bandit:MetaBanditPolicy",
    contextual=True,
    needs_propensity=True,
    order_matters=True,
)

SPECS = (META_BANDIT,)
