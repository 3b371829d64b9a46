"""Thompson sampling for context-free rewards."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.stochastic.ts_spec import BETA_TS
from qbrixcore.policy.stochastic.ts_spec import BetaTSHyper
from qbrixcore.policy.stochastic.ts_spec import BetaTSParamState
from qbrixkernels import beta
from qbrixkernels import choice


class BetaTSPolicy(BasePolicy[BetaTSParamState]):
    """Beta-Bernoulli Thompson sampling, for rewards in [0, 1].

    Draw θ_k ~ Beta(α_k, β_k) for every arm and take the largest; then α += r and
    β += 1 - r. Random by itself, it needs no account of choices in flight.

    References
    ----------
    .. [1] Chapelle, O. and Li, L. (2011). An empirical evaluation of Thompson
       sampling. NeurIPS 24. Algorithm 2.
    .. [2] Kaufmann, E., Korda, N. and Munos, R. (2012). Thompson sampling: an
       asymptotically optimal finite-time analysis. ALT.
    """

    spec = BETA_TS

    @classmethod
    def _select_many(
        cls,
        hyper: BetaTSHyper,
        state: BetaTSParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        draws = rng.beta(state.alpha, state.beta, (count, state.num_arms))
        arms = np.empty(count, dtype=np.int64)
        choice.best(draws, active, rng.random(count), arms)
        return arms, np.full(count, np.nan)

    @classmethod
    def _fold(
        cls, hyper: BetaTSHyper, state: BetaTSParamState, feedback: Feedback
    ) -> BetaTSParamState:
        alpha, shortfall = state.alpha.copy(), state.beta.copy()
        pulls = state.pulls.copy()
        beta.fold(alpha, shortfall, pulls, feedback.arms, feedback.rewards)
        return msgspec.structs.replace(state, alpha=alpha, beta=shortfall, pulls=pulls)
