"""Exponential weights for rewards nothing is assumed of."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.adversarial.spec import EXP3
from qbrixcore.policy.adversarial.spec import EXP3Hyper
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
