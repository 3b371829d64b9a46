"""Minimax optimal indices of context-free rewards."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import InFlight
from qbrixcore.policy.account import Counts
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.stochastic.index_spec import MOSS
from qbrixcore.policy.stochastic.index_spec import MOSS_ANY_TIME
from qbrixcore.policy.stochastic.index_spec import MeanParamState
from qbrixcore.policy.stochastic.index_spec import MOSSAnyTimeHyper
from qbrixcore.policy.stochastic.index_spec import MOSSHyper
from qbrixcore.policy.stochastic.mean import MeanPolicy
from qbrixkernels import indices


class MOSSPolicy(MeanPolicy):
    """The largest μ + √(log⁺(n / (K N)) / N), for rewards in [0, 1].

    n is the horizon and K the number of active arms. Choices in flight count in N,
    never in means.

    References
    ----------
    .. [1] Audibert, J.-Y. and Bubeck, S. (2009). Minimax policies for adversarial and
       stochastic bandits. COLT. Section 3.
    """

    spec = MOSS
    accounts = Counts

    @classmethod
    def _select_many(
        cls,
        hyper: MOSSHyper,
        state: MeanParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        indices.select_moss(
            state.total,
            state.pulls,
            float(hyper.horizon),
            active,
            in_flight.counts,
            rng.random(count),
            arms,
            propensities,
        )
        return arms, propensities


class MOSSAnyTimePolicy(MeanPolicy):
    """The largest μ + √((1 + α)/2 · log⁺(t / (K N)) / N), for rewards in [0, 1].

    K is the number of active arms. Choices in flight count in t and in N, never in
    means.

    References
    ----------
    .. [1] Degenne, R. and Perchet, V. (2016). Anytime optimal algorithms in stochastic
       multi-armed bandits. ICML. Section 2, MOSS-anytime.
    """

    spec = MOSS_ANY_TIME
    accounts = Counts

    @classmethod
    def _select_many(
        cls,
        hyper: MOSSAnyTimeHyper,
        state: MeanParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        indices.select_moss_anytime(
            state.total,
            state.pulls,
            hyper.alpha,
            active,
            in_flight.counts,
            rng.random(count),
            arms,
            propensities,
        )
        return arms, propensities
