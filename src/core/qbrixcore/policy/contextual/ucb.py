"""Upper confidence bounds of linear models."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import InFlight
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.contextual.account import Inverses
from qbrixcore.policy.contextual.regression import RidgePolicy
from qbrixcore.policy.contextual.ridge_state import RidgeParamState
from qbrixcore.policy.contextual.ucb_spec import LIN_UCB
from qbrixcore.policy.contextual.ucb_spec import LinUCBHyper
from qbrixkernels import linear
from qbrixkernels import ridge


class LinUCBPolicy(RidgePolicy):
    """Disjoint LinUCB: one ridge regression per arm.

    Takes the largest xᵀθ + α √(xᵀA⁻¹x), where A = λI + Σ xxᵀ and θ = A⁻¹ Σ r x. The
    contexts of choices in flight widen A, never θ.

    References
    ----------
    .. [1] Li, L., Chu, W., Langford, J. and Schapire, R. (2010). A contextual-bandit
       approach to personalized news article recommendation. WWW. Algorithm 1.
    """

    spec = LIN_UCB
    accounts = Inverses

    @classmethod
    def _select_many(
        cls,
        hyper: LinUCBHyper,
        state: RidgeParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        whole_frame = linear.pays(count, state.dim)
        select = linear.select_optimistic if whole_frame else ridge.select_optimistic
        select(
            state.gram,
            state.inverse,
            state.theta,
            hyper.alpha,
            contexts,
            active,
            state.gram[:0] if in_flight.gram is None else in_flight.gram,
            rng.random(count),
            arms,
            propensities,
        )
        return arms, propensities
