"""Following the perturbed leader, for rewards nothing is assumed of."""

from __future__ import annotations

import functools
import math

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.adversarial.newcomers import average_weight
from qbrixcore.policy.adversarial.newcomers import joined
from qbrixcore.policy.adversarial.spec import FPL
from qbrixcore.policy.adversarial.spec import FPLHyper
from qbrixcore.policy.adversarial.spec import FPLParamState
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.prepared import Prepared
from qbrixkernels import leader

_Nodes = tuple[NDArray[np.float64], NDArray[np.float64]]


class FPLPolicy(BasePolicy[FPLParamState]):
    """The largest R + η Z with Z ~ Exp(1), for rewards in [0, 1].

    R is minus the estimated losses: R -= (1 - r) / p, with p as it was when the choice
    was made, clipped at 1e-6. Propensities are exact, to rounding up to 64 arms and to
    a relative 1e-9 beyond.

    References
    ----------
    .. [1] Kalai, A. and Vempala, S. (2005). Efficient algorithms for online decision
       problems. J. Comput. Syst. Sci. 71.
    .. [2] Neu, G. and Bartók, G. (2013). An efficient algorithm for learning with
       semi-bandit feedback. ALT. Sampled importance weights, here computed.
    """

    spec = FPL

    @classmethod
    def _select_many(
        cls,
        hyper: FPLHyper,
        state: FPLParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        count = len(contexts)
        arms = np.empty(count, dtype=np.int64)
        leader.select(
            state.estimates,
            hyper.eta,
            active,
            rng.standard_exponential((count, state.num_arms)),
            rng.random(count),
            arms,
        )
        return arms, np.full(count, np.nan)

    @classmethod
    def _prepare(cls, hyper: FPLHyper, state: FPLParamState, active: Mask) -> Prepared:
        chances = np.empty(state.num_arms)
        nodes, shares = gauss_nodes(int(np.count_nonzero(active)))
        leader.propensities(state.estimates, hyper.eta, active, nodes, shares, chances)
        return Prepared.to_draw_from(chances)

    @classmethod
    def _fold(
        cls, hyper: FPLHyper, state: FPLParamState, feedback: Feedback
    ) -> FPLParamState:
        estimates, clipped = state.estimates.copy(), state.clipped.copy()
        pulls = state.pulls.copy()
        leader.fold(
            estimates,
            clipped,
            pulls,
            feedback.arms,
            feedback.rewards,
            feedback.propensities,
        )
        return msgspec.structs.replace(
            state, estimates=estimates, clipped=clipped, pulls=pulls
        )

    @classmethod
    def _grow(
        cls, hyper: FPLHyper, state: FPLParamState, grown: FPLParamState
    ) -> FPLParamState:
        # exponential noise of scale η follows about the weights exp(R / η)
        newcomer = hyper.eta * average_weight(state.estimates / hyper.eta)
        estimates = joined(grown.estimates, state.num_arms, newcomer)
        return msgspec.structs.replace(grown, estimates=estimates)


@functools.lru_cache(maxsize=64)
def gauss_nodes(arms: int) -> _Nodes:
    """Nodes on [0, 1] and their shares, for so many active arms."""
    # half as many nodes as arms are exact; many arms decide near 0, among dense nodes
    count = max(1, min(math.ceil(arms / 2), math.ceil(4 * math.sqrt(arms))))
    nodes, shares = np.polynomial.legendre.leggauss(count)
    return (nodes + 1.0) / 2.0, shares / 2.0
