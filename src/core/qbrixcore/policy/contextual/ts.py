"""Thompson sampling that reads a feature vector."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import InFlight
from qbrixcore.policy import leading
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.contextual.laplace_state import LaplaceParamState
from qbrixcore.policy.contextual.regression import LogisticPolicy
from qbrixcore.policy.contextual.regression import RidgePolicy
from qbrixcore.policy.contextual.ridge_state import RidgeParamState
from qbrixcore.policy.contextual.ts_spec import LIN_TS
from qbrixcore.policy.contextual.ts_spec import LOGISTIC_TS
from qbrixcore.policy.contextual.ts_spec import LinTSHyper
from qbrixcore.policy.contextual.ts_spec import LogisticTSHyper
from qbrixkernels import choice
from qbrixkernels import linear
from qbrixkernels import logistic
from qbrixkernels import ridge

_Marginals = tuple[NDArray[np.float64], NDArray[np.float64]]


class LinTSPolicy(RidgePolicy):
    """Linear Thompson sampling: one ridge regression per arm.

    Draws each arm's score from N(xᵀθ, v² xᵀA⁻¹x), which is how xᵀθ̃ is distributed for
    θ̃ ~ N(θ, v²A⁻¹), and takes the largest. Random by itself, it needs no account of
    choices in flight.

    References
    ----------
    .. [1] Agrawal, S. and Goyal, N. (2013). Thompson sampling for contextual bandits
       with linear payoffs. ICML. Algorithm 1.
    """

    spec = LIN_TS

    @classmethod
    def _select_many(
        cls,
        hyper: LinTSHyper,
        state: RidgeParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        return _largest(*_linear(hyper, state, contexts, active), active, rng)

    @classmethod
    def _chances(
        cls,
        hyper: LinTSHyper,
        state: RidgeParamState,
        contexts: NDArray[np.float32],
        active: Mask,
    ) -> NDArray[np.float64]:
        marginals = _linear(hyper, state, contexts, active)
        return leading.of_normals(*marginals, active)


class LogisticTSPolicy(LogisticPolicy):
    """Logistic Thompson sampling, for rewards of 0 or 1.

    Each arm has a Gaussian posterior N(m, Σ) over its weights, learned by one Newton
    step a reward: with p = σ(xᵀm), Σ⁻¹ += p (1 - p) xxᵀ and m += Σ x (r - p). Takes the
    largest draw from N(xᵀm, v² xᵀΣx), the log odds of a reward. Random by itself, it
    needs no account of choices in flight.

    References
    ----------
    .. [1] Chapelle, O. and Li, L. (2011). An empirical evaluation of Thompson sampling.
       NeurIPS 24. Algorithm 3, with a full covariance.
    """

    spec = LOGISTIC_TS

    @classmethod
    def _select_many(
        cls,
        hyper: LogisticTSHyper,
        state: LaplaceParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        return _largest(*_logistic(hyper, state, contexts, active), active, rng)

    @classmethod
    def _chances(
        cls,
        hyper: LogisticTSHyper,
        state: LaplaceParamState,
        contexts: NDArray[np.float32],
        active: Mask,
    ) -> NDArray[np.float64]:
        marginals = _logistic(hyper, state, contexts, active)
        return leading.of_normals(*marginals, active)


def _linear(
    hyper: LinTSHyper,
    state: RidgeParamState,
    contexts: NDArray[np.float32],
    active: Mask,
) -> _Marginals:
    means = np.zeros((len(contexts), state.num_arms))
    deviations = np.zeros_like(means)
    whole_frame = linear.pays(len(contexts), state.dim)
    fill = linear.marginals if whole_frame else ridge.marginals
    fill(state.inverse, state.theta, hyper.v, contexts, active, means, deviations)
    return means, deviations


def _logistic(
    hyper: LogisticTSHyper,
    state: LaplaceParamState,
    contexts: NDArray[np.float32],
    active: Mask,
) -> _Marginals:
    means = np.zeros((len(contexts), state.num_arms))
    deviations = np.zeros_like(means)
    logistic.marginals(
        state.factor, state.mean, hyper.v, contexts, active, means, deviations
    )
    return means, deviations


def _largest(
    means: NDArray[np.float64],
    deviations: NDArray[np.float64],
    active: Mask,
    rng: np.random.Generator,
) -> Chosen:
    """The active arm of the largest draw from N(mean, deviation²), all (N, K)."""
    count = len(means)
    deviations *= rng.standard_normal(means.shape)
    means += deviations
    arms = np.empty(count, dtype=np.int64)
    choice.best(means, active, rng.random(count), arms)
    return arms, np.full(count, np.nan)
