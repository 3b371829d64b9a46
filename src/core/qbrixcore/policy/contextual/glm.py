"""Upper confidence bounds of generalised linear models."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.contextual.account import Factors
from qbrixcore.policy.contextual.glm_spec import GLM_UCB
from qbrixcore.policy.contextual.glm_spec import GLMParamState
from qbrixcore.policy.contextual.glm_spec import GLMUCBHyper
from qbrixkernels import logistic


class GLMUCBPolicy(BasePolicy[GLMParamState]):
    """Optimism for rewards in [0, 1] whose log odds are linear in the features.

    Takes the largest σ(xᵀm) + α √(xᵀA⁻¹x), where A = λI + Σ xxᵀ and m is learned by one
    Newton step a reward, as LogisticTSPolicy learns it. The contexts of choices in
    flight widen A, never m.

    References
    ----------
    .. [1] Filippi, S., Cappé, O., Garivier, A. and Szepesvári, C. (2010). Parametric
       bandits: the generalized linear case. NeurIPS 23. Algorithm 1, with the estimate
       of [2].
    .. [2] Chapelle, O. and Li, L. (2011). An empirical evaluation of Thompson sampling.
       NeurIPS 24. Algorithm 3, with a full covariance.
    """

    spec = GLM_UCB
    accounts = Factors

    @classmethod
    def _select_many(
        cls,
        hyper: GLMUCBHyper,
        state: GLMParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        flying = in_flight.gram
        if flying is None:
            flying = np.empty((0, state.dim, state.dim))
        logistic.select_optimistic(
            state.design,
            state.mean,
            hyper.alpha,
            contexts,
            active,
            flying,
            rng.random(count),
            arms,
            propensities,
        )
        return arms, propensities

    @classmethod
    def _fold(
        cls, hyper: GLMUCBHyper, state: GLMParamState, feedback: Feedback
    ) -> GLMParamState:
        mean, factor = state.mean.copy(), state.factor.copy()
        design, pulls = state.design.copy(), state.pulls.copy()
        arms, vectors = feedback.arms, feedback.vectors
        logistic.fold(factor, mean, pulls, arms, feedback.rewards, vectors)
        logistic.fold_design(design, arms, vectors)
        return msgspec.structs.replace(
            state, mean=mean, factor=factor, design=design, pulls=pulls
        )
