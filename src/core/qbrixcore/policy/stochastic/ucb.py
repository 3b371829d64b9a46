"""Upper confidence bounds of context-free rewards."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.account import Counts
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.stochastic.index_spec import KL_UCB
from qbrixcore.policy.stochastic.index_spec import KL_UCB_PLUS
from qbrixcore.policy.stochastic.index_spec import UCB1_TUNED
from qbrixcore.policy.stochastic.index_spec import KLUCBHyper
from qbrixcore.policy.stochastic.index_spec import MeanParamState
from qbrixcore.policy.stochastic.index_spec import MomentsParamState
from qbrixcore.policy.stochastic.index_spec import UCB1TunedHyper
from qbrixcore.policy.stochastic.mean import MeanPolicy
from qbrixkernels import divergence
from qbrixkernels import indices


class UCB1TunedPolicy(BasePolicy[MomentsParamState]):
    """The largest μ + √(α/2 · log t / N · min(¼, V)), for rewards in [0, 1].

    V is the variance seen plus √(2 log t / N). Choices in flight count in t and in N,
    never in means or variances.

    References
    ----------
    .. [1] Auer, P., Cesa-Bianchi, N. and Fischer, P. (2002). Finite-time analysis of
       the multiarmed bandit problem. Machine Learning 47. Section 4.
    """

    spec = UCB1_TUNED
    accounts = Counts

    @classmethod
    def _select_many(
        cls,
        hyper: UCB1TunedHyper,
        state: MomentsParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        indices.select_tuned(
            state.total,
            state.squares,
            state.pulls,
            hyper.alpha,
            active,
            in_flight.counts,
            rng.random(count),
            arms,
            propensities,
        )
        return arms, propensities

    @classmethod
    def _fold(
        cls, hyper: UCB1TunedHyper, state: MomentsParamState, feedback: Feedback
    ) -> MomentsParamState:
        total, squares = state.total.copy(), state.squares.copy()
        pulls = state.pulls.copy()
        indices.fold_squares(total, squares, pulls, feedback.arms, feedback.rewards)
        return msgspec.structs.replace(state, total=total, squares=squares, pulls=pulls)


class KLUCBPolicy(MeanPolicy):
    """The largest q with N kl(μ, q) <= log t + c log log t, for rewards in [0, 1].

    kl is the divergence of Bernoulli variables. Choices in flight count in t and in N,
    never in means.

    References
    ----------
    .. [1] Garivier, A. and Cappé, O. (2011). The KL-UCB algorithm for bounded
       stochastic bandits and beyond. COLT. Algorithm 1.
    """

    spec = KL_UCB
    accounts = Counts

    @classmethod
    def _select_many(
        cls,
        hyper: KLUCBHyper,
        state: MeanParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        return _select_kl(hyper, state, False, len(contexts), active, in_flight, rng)


class KLUCBPlusPolicy(MeanPolicy):
    """The largest q with N kl(μ, q) <= log(t/N) + c log log(t/N).

    For rewards in [0, 1]; choices in flight count in t and in N, never in means.

    References
    ----------
    .. [1] Garivier, A. and Cappé, O. (2011). The KL-UCB algorithm for bounded
       stochastic bandits and beyond. COLT. Section 2, KL-UCB+.
    .. [2] Honda, J. (2019). A note on KL-UCB+ policy for the stochastic bandit.
       arXiv:1903.07839.
    """

    spec = KL_UCB_PLUS
    accounts = Counts

    @classmethod
    def _select_many(
        cls,
        hyper: KLUCBHyper,
        state: MeanParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        return _select_kl(hyper, state, True, len(contexts), active, in_flight, rng)


def _select_kl(
    hyper: KLUCBHyper,
    state: MeanParamState,
    plus: bool,
    count: int,
    active: Mask,
    in_flight: InFlight,
    rng: np.random.Generator,
) -> Chosen:
    arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
    divergence.select(
        state.total,
        state.pulls,
        hyper.c,
        plus,
        active,
        in_flight.counts,
        rng.random(count),
        arms,
        propensities,
    )
    return arms, propensities
