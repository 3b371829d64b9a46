"""Exponential weights for rewards nothing is assumed of."""

from __future__ import annotations

import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.adversarial.newcomers import average_weight
from qbrixcore.policy.adversarial.newcomers import joined
from qbrixcore.policy.adversarial.spec import EXP3
from qbrixcore.policy.adversarial.spec import EXP3_IX
from qbrixcore.policy.adversarial.spec import EXP3Hyper
from qbrixcore.policy.adversarial.spec import EXP3IXHyper
from qbrixcore.policy.adversarial.spec import EXP3IXParamState
from qbrixcore.policy.adversarial.spec import EXP3ParamState
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixkernels import weights


class EXP3Policy(BasePolicy[EXP3ParamState]):
    """Exponential weights mixed with uniform exploration, for rewards in [0, 1].

    Draws from p = (1 - γ) w / Σw + γ / K over the active arms; then
    log w += (γ / K) r / p, with p as it was when the choice was made.

    References
    ----------
    .. [1] Auer, P., Cesa-Bianchi, N., Freund, Y. and Schapire, R. (2002). The
       nonstochastic multiarmed bandit problem. SIAM J. Comput. 32. Figure 1.
    """

    spec = EXP3

    @classmethod
    def _select_many(
        cls,
        hyper: EXP3Hyper,
        state: EXP3ParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        weights.select_mixed(
            state.log_weights,
            active,
            hyper.gamma,
            rng.random(count),
            arms,
            propensities,
        )
        return arms, propensities

    @classmethod
    def _fold(
        cls, hyper: EXP3Hyper, state: EXP3ParamState, feedback: Feedback
    ) -> EXP3ParamState:
        log_weights, pulls = state.log_weights.copy(), state.pulls.copy()
        weights.fold_mixed(
            log_weights,
            pulls,
            hyper.gamma,
            feedback.arms,
            feedback.rewards,
            feedback.propensities,
        )
        return msgspec.structs.replace(state, log_weights=log_weights, pulls=pulls)

    @classmethod
    def _grow(
        cls, hyper: EXP3Hyper, state: EXP3ParamState, grown: EXP3ParamState
    ) -> EXP3ParamState:
        newcomer = average_weight(state.log_weights)
        log_weights = joined(grown.log_weights, state.num_arms, newcomer)
        return msgspec.structs.replace(grown, log_weights=log_weights)


class EXP3IXPolicy(BasePolicy[EXP3IXParamState]):
    """Exponential weights with implicit exploration, for rewards in [0, 1].

    Draws from p ∝ exp(-η L) over the active arms; then L += (1 - r) / (p + η/2), with
    p as it was when the choice was made. Where η is not given it is √(ln K / (K t)) for
    the t-th reward learned. Biased by design: the expectation of an estimate is
    (1 - r) p / (p + η/2), whatever the delay.

    References
    ----------
    .. [1] Neu, G. (2015). Explore no more: improved high-probability regret bounds for
       non-stochastic bandits. NeurIPS 28. Algorithm 1 and Theorem 1.
    """

    spec = EXP3_IX

    @classmethod
    def _select_many(
        cls,
        hyper: EXP3IXHyper,
        state: EXP3IXParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        weights.select_implicit(
            state.losses,
            active,
            rate(hyper, state),
            rng.random(count),
            arms,
            propensities,
        )
        return arms, propensities

    @classmethod
    def _fold(
        cls, hyper: EXP3IXHyper, state: EXP3IXParamState, feedback: Feedback
    ) -> EXP3IXParamState:
        losses, pulls = state.losses.copy(), state.pulls.copy()
        weights.fold_implicit(
            losses,
            pulls,
            hyper.eta or 0.0,
            feedback.arms,
            feedback.rewards,
            feedback.propensities,
        )
        return msgspec.structs.replace(state, losses=losses, pulls=pulls)

    @classmethod
    def _grow(
        cls, hyper: EXP3IXHyper, state: EXP3IXParamState, grown: EXP3IXParamState
    ) -> EXP3IXParamState:
        # one arm alone has no rate of its own
        eta = rate(hyper, state) or 1.0
        newcomer = -average_weight(-eta * state.losses) / eta
        losses = joined(grown.losses, state.num_arms, newcomer)
        return msgspec.structs.replace(grown, losses=losses)


def rate(hyper: EXP3IXHyper, state: EXP3IXParamState) -> float:
    """η of the next reward to be learned."""
    if hyper.eta is not None:
        return hyper.eta
    turn = int(np.add.reduce(state.pulls)) + 1
    return math.sqrt(math.log(state.num_arms) / (state.num_arms * turn))
