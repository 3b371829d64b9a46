"""The plainest upper confidence bound, for comparison; not offered to experiments."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from qbrixcore.context import InFlight
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.hyper import Positive
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.spec import BOUNDED
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.policy.stochastic.index_spec import MeanParamState
from qbrixcore.policy.stochastic.index_spec import mean_prior
from qbrixcore.policy.stochastic.mean import MeanPolicy
from qbrixkernels.episodes import baseline as kernels


class UCBHyper(Hyper, frozen=True):
    """The width of the bound."""

    scale: Annotated[Positive, Meta(description="Factor of log t / N.")] = 0.5


UCB = PolicySpec(
    name="UCB",
    category="baseline",
    description="Mean + √(scale · log t / N), with nothing tuned.",
    rewards=BOUNDED,
    hyper=UCBHyper,
    state=MeanParamState,
    prior=mean_prior,
    implementation="qbrixcore.simulation.baseline:UCBPolicy",
)


class UCBPolicy(MeanPolicy):
    """The largest mean + √(scale · log t / N), every arm once first.

    References
    ----------
    .. [1] Auer, P., Cesa-Bianchi, N. and Fischer, P. (2002). Finite-time analysis of
       the multiarmed bandit problem. Machine Learning 47. UCB1 is scale = 2.
    """

    spec = UCB

    @classmethod
    def _select_many(
        cls,
        hyper: UCBHyper,
        state: MeanParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        kernels.select_ucb(
            state.total,
            state.pulls,
            hyper.scale,
            active,
            rng.random(count),
            arms,
            propensities,
        )
        return arms, propensities
