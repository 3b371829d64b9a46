"""Thompson sampling of whole reward distributions."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy import leading_means
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.prepared import Prepared
from qbrixcore.policy.stochastic.ts_spec import DIRICHLET_TS
from qbrixcore.policy.stochastic.ts_spec import DirichletTSHyper
from qbrixcore.policy.stochastic.ts_spec import DirichletTSParamState
from qbrixkernels import choice
from qbrixkernels import dirichlet


class DirichletTSPolicy(BasePolicy[DirichletTSParamState]):
    """Multinomial Thompson sampling, for rewards in [0, 1].

    Rewards are counted on a grid of M outcomes v, one between two outcomes as a share
    of each. Draw p_k ~ Dirichlet(prior + counts_k) for every arm and take the largest
    Σ p_i v_i. Random by itself, it needs no account of choices in flight.

    References
    ----------
    .. [1] Riou, C. and Honda, J. (2020). Bandit algorithms based on Thompson sampling
       for bounded reward distributions. ALT. Algorithm 1, Multinomial TS.
    """

    spec = DIRICHLET_TS

    @classmethod
    def _select_many(
        cls,
        hyper: DirichletTSHyper,
        state: DirichletTSParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        concentration = state.counts + hyper.prior
        weights = rng.standard_gamma(concentration, (count, *concentration.shape))
        scores = np.empty((count, state.num_arms))
        dirichlet.score(weights, scores)
        arms = np.empty(count, dtype=np.int64)
        choice.best(scores, active, rng.random(count), arms)
        return arms, np.full(count, np.nan)

    @classmethod
    def _prepare(
        cls, hyper: DirichletTSHyper, state: DirichletTSParamState, active: Mask
    ) -> Prepared:
        counts = state.counts + hyper.prior
        chances = leading_means.of_dirichlets(counts, active)
        if hyper.prior * (hyper.num_outcomes - 1) < leading_means.LEAST_SPREAD:
            return Prepared(chances)
        return Prepared.to_draw_from(chances)

    @classmethod
    def _fold(
        cls, hyper: DirichletTSHyper, state: DirichletTSParamState, feedback: Feedback
    ) -> DirichletTSParamState:
        counts, pulls = state.counts.copy(), state.pulls.copy()
        dirichlet.fold(counts, pulls, feedback.arms, feedback.rewards)
        return msgspec.structs.replace(state, counts=counts, pulls=pulls)
