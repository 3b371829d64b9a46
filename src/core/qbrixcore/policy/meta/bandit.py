"""Choosing between policies."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy import leading
from qbrixcore.policy.account import Account
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.base import Chosen
from qbrixcore.policy.base import Mask
from qbrixcore.policy.contextual.account import Inverses
from qbrixcore.policy.meta import outlook
from qbrixcore.policy.meta.learners import linear
from qbrixcore.policy.meta.learners import memories
from qbrixcore.policy.meta.spec import META_BANDIT
from qbrixcore.policy.meta.spec import MetaBanditHyper
from qbrixcore.policy.meta.spec import MetaBanditParamState
from qbrixcore.policy.prepared import Prepared
from qbrixkernels import mixture
from qbrixkernels import optimists

# what a reward says of a learner is worth so much one reward later
RECALL = 0.9998
# what mixing the chances of an arm with one learner takes at most: nanoseconds
MIXED_NS = 10.0

_Arrays = dict[str, NDArray[Any]]


class MetaBanditPolicy(BasePolicy[MetaBanditParamState]):
    """Several policies on one log, and a discounted Thompson layer above them.

    A learner acts with the probability that it is the best one; the propensity of a
    choice is that of the mixture. Who acted need not be known: every reward r of arm a
    counts for learner i with the weight w = π_i(a) / p, π_i being how it would choose
    now and p the propensity when the choice was made, so that Σ w r / Σ w estimates
    what i would earn, and (Σ w)² / Σ w² how many rewards that is worth. All learners
    learn from all rewards. Where contexts decide who acts, means of arms are weighted
    by 1 / p; regressions need no weights. Weights are clipped at 10.

    Learners without context are BetaTS and DiscountedTS, or GaussianTS with the spread
    of the rewards; those with context are LinUCB with bounds of several widths.

    References
    ----------
    .. [1] Agarwal, A., Luo, H., Neyshabur, B. and Schapire, R. (2017). Corralling a
       band of bandit algorithms. COLT. The idea: one log, weighted for each learner.
    .. [2] Raj, V. and Kalyani, S. (2017). Taming non-stationary bandits: a Bayesian
       approach. arXiv:1707.09727. The layer that chooses who acts.
    .. [3] Kong, A. (1992). A note on importance sampling using standardized weights.
       The effective number of rewards.
    """

    spec = META_BANDIT
    accounts = Inverses

    @classmethod
    def account(
        cls, state: MetaBanditParamState
    ) -> Account[MetaBanditParamState] | None:
        """Of the contexts, where learners read them; the others are random."""
        return super().account(state) if state.dim else None

    @classmethod
    def _select_many(
        cls,
        hyper: MetaBanditHyper,
        state: MetaBanditParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        prepared = cls._prepare(hyper, state, active)
        return cls._select_prepared(
            prepared, hyper, state, contexts, active, in_flight, rng
        )

    @classmethod
    def _select_prepared(
        cls,
        prepared: Prepared,
        hyper: MetaBanditHyper,
        state: MetaBanditParamState,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        if not state.dim:
            return super()._select_prepared(
                prepared, hyper, state, contexts, active, in_flight, rng
            )
        plain = prepared.propensities
        return _choose(hyper, state, contexts, active, in_flight, rng, plain)

    @classmethod
    def preparing_ns(cls, state: MetaBanditParamState, active: Mask) -> float:
        """Next to nothing where the arms are those that seemed to be offered."""
        if np.array_equal(active, outlook.offered_in(state.chances)):
            return state.chances.size * MIXED_NS
        return state.chances.size * leading.BETA_NS

    @classmethod
    def _prepare(
        cls, hyper: MetaBanditHyper, state: MetaBanditParamState, active: Mask
    ) -> Prepared:
        """Of the learners without context alone, where others act as well."""
        plain = _plain(hyper, state, active)
        return Prepared(plain) if state.dim else Prepared.to_draw_from(plain)

    @classmethod
    def _chances(
        cls,
        hyper: MetaBanditHyper,
        state: MetaBanditParamState,
        contexts: NDArray[np.float32],
        active: Mask,
    ) -> NDArray[np.float64]:
        plain = _plain(hyper, state, active)
        found = np.broadcast_to(plain, (len(contexts), plain.size))
        if state.dim:
            found = found * _plain_part(state)
            optimists.mix(
                state.inverse,
                state.theta,
                _widths(hyper, state.scale),
                state.shares[len(state.chances) :],
                contexts,
                active,
                found,
            )
        return found

    @classmethod
    def _fold(
        cls, hyper: MetaBanditHyper, state: MetaBanditParamState, feedback: Feedback
    ) -> MetaBanditParamState:
        arrays: _Arrays = {k: v.copy() for k, v in state.arrays().items()}
        count, row = int(np.add.reduce(state.pulls)), 0
        while row < feedback.arms.size:
            due = outlook.next_update(count)
            rows = slice(row, min(row + due - count, feedback.arms.size))
            _learn(hyper, arrays, feedback, rows)
            count, row = count + rows.stop - rows.start, rows.stop
            if count == due:
                _look_ahead(hyper, arrays)
        return msgspec.structs.replace(state, **arrays)

    @classmethod
    def _grow(
        cls,
        hyper: MetaBanditHyper,
        state: MetaBanditParamState,
        grown: MetaBanditParamState,
    ) -> MetaBanditParamState:
        chances = outlook.chances_of(
            hyper, grown.evidence, grown.scale, outlook.offered_of(grown.missed)
        )
        return msgspec.structs.replace(grown, chances=chances)


def _plain(
    hyper: MetaBanditHyper, state: MetaBanditParamState, active: Mask
) -> NDArray[np.float64]:
    """The (K,) probabilities of arms when a learner without context acts."""
    chances = state.chances
    if not np.array_equal(active, outlook.offered_in(chances)):
        chances = outlook.chances_of(hyper, state.evidence, state.scale, active)
    mixed: NDArray[np.float64] = state.shares[: len(chances)] @ chances
    mixed /= np.add.reduce(mixed)
    return mixed


def _plain_part(state: MetaBanditParamState) -> float:
    """The probability that one of those acts."""
    return float(np.add.reduce(state.shares[: len(state.chances)]))


def _choose(
    hyper: MetaBanditHyper,
    state: MetaBanditParamState,
    contexts: NDArray[np.float32],
    active: Mask,
    in_flight: InFlight,
    rng: np.random.Generator,
    plain: NDArray[np.float64],
) -> Chosen:
    count = len(contexts)
    arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
    optimists.choose(
        state.gram,
        state.inverse,
        state.theta,
        _widths(hyper, state.scale),
        state.shares[len(state.chances) :],
        plain * _plain_part(state),
        contexts,
        active,
        state.gram[:0] if in_flight.gram is None else in_flight.gram,
        rng.random(count),
        arms,
        propensities,
    )
    return arms, propensities


def _widths(hyper: MetaBanditHyper, scale: NDArray[np.float64]) -> NDArray[np.float64]:
    alphas = np.array([learner.params["alpha"] for learner in linear(hyper)])
    return alphas * float(scale[1])


def _learn(
    hyper: MetaBanditHyper, arrays: _Arrays, feedback: Feedback, rows: slice
) -> None:
    """Learn some rows in place."""
    arms, rewards = feedback.arms[rows], feedback.rewards[rows]
    bounds = len(arrays["shares"]) - len(arrays["chances"])
    odds = np.zeros((arms.size, bounds))
    favourites = np.zeros((arms.size, bounds), dtype=np.int64)
    if hyper.dim:
        optimists.learn(
            arrays["gram"],
            arrays["inverse"],
            arrays["moment"],
            arrays["theta"],
            arrays["pulls"],
            _widths(hyper, arrays["scale"]),
            outlook.offered_in(arrays["chances"]),
            arms,
            rewards,
            feedback.vectors[rows],
            odds,
            favourites,
        )
    else:
        np.add.at(arrays["pulls"], arms, 1)
    mixture.credit(
        arms,
        rewards,
        feedback.propensities[rows],
        odds,
        favourites,
        arrays["shares"],
        arrays["chances"],
        np.array(memories(hyper)),
        RECALL,
        hyper.dim > 0,
        hyper.reward_type == "continuous",
        arrays["evidence"],
        arrays["merit"],
        arrays["moments"],
        arrays["missed"],
    )


def _look_ahead(hyper: MetaBanditHyper, arrays: _Arrays) -> None:
    """Work out anew, in place, what follows from what was learned."""
    offered = outlook.offered_of(arrays["missed"])
    arrays["scale"] = np.array(outlook.scale_of(arrays["moments"]))
    arrays["chances"] = outlook.chances_of(
        hyper, arrays["evidence"], arrays["scale"], offered
    )
    arrays["shares"] = outlook.shares_of(arrays["merit"])
