"""Thompson sampling for context-free rewards."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy import leading
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.prepared import Prepared
from qbrixcore.policy.stochastic.ts_spec import BETA_TS
from qbrixcore.policy.stochastic.ts_spec import DISCOUNTED_TS
from qbrixcore.policy.stochastic.ts_spec import GAUSSIAN_TS
from qbrixcore.policy.stochastic.ts_spec import BetaTSHyper
from qbrixcore.policy.stochastic.ts_spec import BetaTSParamState
from qbrixcore.policy.stochastic.ts_spec import DiscountedTSHyper
from qbrixcore.policy.stochastic.ts_spec import DiscountedTSParamState
from qbrixcore.policy.stochastic.ts_spec import GaussianTSHyper
from qbrixcore.policy.stochastic.ts_spec import GaussianTSParamState
from qbrixkernels import beta
from qbrixkernels import choice
from qbrixkernels import gaussian


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
        draws = _betas(state.alpha, state.beta, len(contexts), active, rng)
        return _largest(draws, active, rng)

    @classmethod
    def preparing_ns(cls, state: BetaTSParamState, active: Mask) -> float:
        return state.num_arms * leading.BETA_NS

    @classmethod
    def _prepare(
        cls, hyper: BetaTSHyper, state: BetaTSParamState, active: Mask
    ) -> Prepared:
        return Prepared.to_draw_from(leading.of_betas(state.alpha, state.beta, active))

    @classmethod
    def _fold(
        cls, hyper: BetaTSHyper, state: BetaTSParamState, feedback: Feedback
    ) -> BetaTSParamState:
        alpha, shortfall = state.alpha.copy(), state.beta.copy()
        pulls = state.pulls.copy()
        beta.fold(alpha, shortfall, pulls, feedback.arms, feedback.rewards)
        return msgspec.structs.replace(state, alpha=alpha, beta=shortfall, pulls=pulls)


class DiscountedTSPolicy(BasePolicy[DiscountedTSParamState]):
    """Beta-Bernoulli Thompson sampling that forgets, for rewards in [0, 1].

    Every reward first multiplies all counted successes and failures by γ, then is
    counted itself; arms are drawn as in BetaTS, from the prior plus these counts.

    References
    ----------
    .. [1] Raj, V. and Kalyani, S. (2017). Taming non-stationary bandits: a Bayesian
       approach. arXiv:1707.09727. Algorithm 1.
    """

    spec = DISCOUNTED_TS

    @classmethod
    def _select_many(
        cls,
        hyper: DiscountedTSHyper,
        state: DiscountedTSParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        alpha = state.successes + hyper.alpha_prior
        shortfall = state.failures + hyper.beta_prior
        draws = _betas(alpha, shortfall, len(contexts), active, rng)
        return _largest(draws, active, rng)

    @classmethod
    def preparing_ns(cls, state: DiscountedTSParamState, active: Mask) -> float:
        return state.num_arms * leading.BETA_NS

    @classmethod
    def _prepare(
        cls, hyper: DiscountedTSHyper, state: DiscountedTSParamState, active: Mask
    ) -> Prepared:
        alpha = state.successes + hyper.alpha_prior
        shortfall = state.failures + hyper.beta_prior
        return Prepared.to_draw_from(leading.of_betas(alpha, shortfall, active))

    @classmethod
    def _fold(
        cls, hyper: DiscountedTSHyper, state: DiscountedTSParamState, feedback: Feedback
    ) -> DiscountedTSParamState:
        successes, failures = state.successes.copy(), state.failures.copy()
        pulls = state.pulls.copy()
        beta.fold_discounted(
            successes, failures, pulls, hyper.gamma, feedback.arms, feedback.rewards
        )
        return msgspec.structs.replace(
            state, successes=successes, failures=failures, pulls=pulls
        )


class GaussianTSPolicy(BasePolicy[GaussianTSParamState]):
    """Gaussian Thompson sampling, for rewards that are any number.

    Draw θ_k ~ N(m_k, 1/τ_k) for every arm and take the largest; then, with ν the
    precision of the noise, m = (τ m + ν r) / (τ + ν) and τ += ν. Random by itself, it
    needs no account of choices in flight.

    References
    ----------
    .. [1] Agrawal, S. and Goyal, N. (2013). Further optimal regret bounds for Thompson
       sampling. AISTATS. Section 4.
    .. [2] Russo, D., Van Roy, B., Kazerouni, A., Osband, I. and Wen, Z. (2018). A
       tutorial on Thompson sampling. Found. Trends Mach. Learn. 11.
    """

    spec = GAUSSIAN_TS

    @classmethod
    def _select_many(
        cls,
        hyper: GaussianTSHyper,
        state: GaussianTSParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        draws = rng.standard_normal((len(contexts), state.num_arms))
        draws /= np.sqrt(state.precision)
        draws += state.mean
        return _largest(draws, active, rng)

    @classmethod
    def preparing_ns(cls, state: GaussianTSParamState, active: Mask) -> float:
        return state.num_arms * leading.NORMAL_NS

    @classmethod
    def _prepare(
        cls, hyper: GaussianTSHyper, state: GaussianTSParamState, active: Mask
    ) -> Prepared:
        deviations = 1.0 / np.sqrt(state.precision)
        chances = leading.of_normals(state.mean[None], deviations[None], active)
        return Prepared.to_draw_from(chances[0])

    @classmethod
    def _fold(
        cls, hyper: GaussianTSHyper, state: GaussianTSParamState, feedback: Feedback
    ) -> GaussianTSParamState:
        mean, precision = state.mean.copy(), state.precision.copy()
        pulls = state.pulls.copy()
        noise = hyper.noise_precision
        gaussian.fold(mean, precision, pulls, noise, feedback.arms, feedback.rewards)
        return msgspec.structs.replace(
            state, mean=mean, precision=precision, pulls=pulls
        )


def _betas(
    alpha: NDArray[np.float64],
    shortfall: NDArray[np.float64],
    count: int,
    active: Mask,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Draws (N, K) from Beta(α, β) of the active arms."""
    draws = np.zeros((count, active.size))
    done = 0
    while done < draws.size:
        left = draws.size - done
        normals = rng.standard_normal(beta.trials(left))
        uniforms = rng.random(normals.size + beta.boosts(alpha, shortfall, left))
        done = beta.draw(alpha, shortfall, active, normals, uniforms, done, draws)
    return draws


def _largest(
    draws: NDArray[np.float64], active: Mask, rng: np.random.Generator
) -> Chosen:
    """The active arm of the largest draw in each row (N, K)."""
    count = len(draws)
    arms = np.empty(count, dtype=np.int64)
    choice.best(draws, active, rng.random(count), arms)
    return arms, np.full(count, np.nan)
