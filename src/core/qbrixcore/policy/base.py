"""The shape every policy has.

Shapes: K arms, D features, N choices or observations.
"""

from __future__ import annotations

import abc
import math
from typing import Any
from typing import ClassVar
from typing import Generic
from typing import TypeAlias
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import SINGLE
from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.errors import InvalidContext
from qbrixcore.errors import InvalidFeedback
from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import extended
from qbrixcore.policy import screen
from qbrixcore.policy.account import Account
from qbrixcore.policy.prepared import Prepared
from qbrixcore.policy.prepared import drawn
from qbrixcore.policy.spec import PolicySpec

S = TypeVar("S", bound=BaseParamState)

Mask: TypeAlias = NDArray[np.bool_]
Chosen: TypeAlias = tuple[NDArray[np.int64], NDArray[np.float64]]

# comparing with a dtype is twice as fast as with the type of its elements
_MASK = np.dtype(np.bool_)
_REAL = np.dtype(np.float64)


class BasePolicy(abc.ABC, Generic[S]):
    """A bandit algorithm without memory: each method is a function of its arguments.

    The public methods check what the kernels would trust, once and for all policies;
    the hooks behind them compute. Neither ever writes to its inputs. ``prepares`` says
    whether there is anything to ``prepare``, ``accounts`` how account is kept of
    choices in flight, None where the rule does not read them.
    """

    spec: ClassVar[PolicySpec]
    prepares: ClassVar[bool] = False
    accounts: ClassVar[type[Account[Any]] | None] = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "_prepare" in vars(cls):
            cls.prepares = True

    @classmethod
    def select_many(
        cls,
        hyper: Any,
        state: S,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
        prepared: Prepared | None = None,
        weigh: bool = False,
    ) -> Chosen:
        """Choose N times, in row order, between the active arms.

        ``contexts`` is float32 (N, D); its width is ignored where the policy reads no
        features. ``active`` is bool (K,). Where the rule accounts for choices in
        flight, each row counts as in flight for the rows behind it.

        Returns arms, int64 (N,), and propensities, float64 (N,): the probability of
        each choice, or NaN where it is not computed. Ties break at random. What
        ``prepare`` made of this state and mask goes in as ``prepared``; ``weigh`` asks
        for propensities even where they cost more than the choice. Raises
        InvalidContext.
        """
        if contexts.ndim != 2 or contexts.dtype != SINGLE:
            raise InvalidContext("contexts must be float32 of shape (N, D)")
        if state.dim:
            contexts = cls._readable(state, contexts)
        active = cls._usable(state, active)
        flying = cls._counted(state, in_flight)
        if prepared is not None:
            return cls._select_prepared(
                prepared, hyper, state, contexts, active, flying, rng
            )
        arms, p = cls._select_many(hyper, state, contexts, active, flying, rng)
        if (weigh or cls.spec.needs_propensity) and len(p) and np.isnan(p[0]):
            return arms, cls._weigh(hyper, state, contexts, active, arms)
        return arms, p

    @classmethod
    def prepare(cls, hyper: Any, state: S, active: Mask) -> Prepared | None:
        """What ``select_many`` can be given for this state and mask, None if nothing.

        Choices drawn from it cost the same whatever K, and are made with exactly the
        propensities that are told. Pure, and dear: meant for a thread, once a version
        of the state. Raises InvalidContext.
        """
        return cls._prepare(hyper, state, cls._usable(state, active))

    @classmethod
    def preparing_ns(cls, state: S, active: Mask) -> float:
        """A generous estimate of what ``prepare`` takes; unless told, too long."""
        return math.inf

    @classmethod
    def account(cls, state: S) -> Account[S] | None:
        """An empty account of choices in flight, None where they change nothing."""
        return None if cls.accounts is None else cls.accounts(state)

    @classmethod
    def chances(
        cls, hyper: Any, state: S, contexts: NDArray[np.float32], active: Mask
    ) -> NDArray[np.float64] | None:
        """The probability of every arm in every row of ``contexts``, float64 (N, K).

        None where the rule states its probabilities with its choices only. Raises
        InvalidContext.
        """
        if state.dim:
            contexts = cls._readable(state, contexts)
        return cls._chances(hyper, state, contexts, cls._usable(state, active))

    @classmethod
    def fold(cls, hyper: Any, state: S, feedback: Feedback) -> S:
        """The state after learning N rewards, in row order.

        Deterministic: any split of the same rows into batches gives the same bits.
        Raises InvalidFeedback, whose detail names the first bad ``row``.
        """
        bad = screen.faults(cls.spec, hyper, state, feedback)
        if bad:
            row = min(bad)
            raise InvalidFeedback(bad[row], row=row)
        return cls._fold(hyper, state, screen.check_shapes(state, feedback))

    @classmethod
    def faults(cls, hyper: Any, state: S, feedback: Feedback) -> dict[int, str]:
        """Why ``fold`` would refuse rows of this feedback, by row number.

        Raises InvalidFeedback where no single row is to blame.
        """
        return screen.faults(cls.spec, hyper, state, feedback)

    @classmethod
    def grow(cls, hyper: Any, state: S, num_arms: int) -> S:
        """The state with new arms behind the others, which keep what they learned.

        Pure and deterministic. New arms start from the prior, or from what the rule
        puts in its place. Raises ValueError when there would be fewer arms.
        """
        if num_arms == state.num_arms:
            return state
        blank = cls.spec.prior(num_arms, hyper)
        return cls._grow(hyper, state, extended(state, blank))

    @classmethod
    def _usable(cls, state: S, active: Mask) -> Mask:
        if active.shape != (state.num_arms,) or active.dtype != _MASK:
            raise InvalidContext("the mask of active arms must be bool of shape (K,)")
        if not np.count_nonzero(active):
            raise InvalidContext("no arm is active")
        return screen.packed(active)

    @classmethod
    def _readable(cls, state: S, contexts: NDArray[np.float32]) -> NDArray[np.float32]:
        if contexts.shape[1] != state.dim:
            raise InvalidContext(
                f"{cls.spec.name} expects {state.dim} features, got {contexts.shape[1]}"
            )
        if np.count_nonzero(np.isfinite(contexts)) != contexts.size:
            raise InvalidContext("every feature must be finite as a 32-bit float")
        return screen.packed(contexts)

    @classmethod
    def _counted(cls, state: S, in_flight: InFlight) -> InFlight:
        counts, gram = in_flight.counts, in_flight.gram
        if counts.shape != (state.num_arms,) or counts.dtype != _REAL:
            raise InvalidContext("in-flight counts must be float64 of shape (K,)")
        counts = screen.packed(counts)
        if gram is None:
            return in_flight if counts is in_flight.counts else InFlight(counts)
        if gram.shape != (state.num_arms, state.dim, state.dim) or gram.dtype != _REAL:
            raise InvalidContext("the in-flight gram must be float64 (K, D, D)")
        return InFlight(counts, screen.packed(gram))

    @classmethod
    @abc.abstractmethod
    def _select_many(
        cls,
        hyper: Any,
        state: S,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen: ...

    @classmethod
    def _select_prepared(
        cls,
        prepared: Prepared,
        hyper: Any,
        state: S,
        contexts: NDArray[np.float32],
        active: Mask,
        in_flight: InFlight,
        rng: np.random.Generator,
    ) -> Chosen:
        if prepared.reached is None:
            arms, _ = cls._select_many(hyper, state, contexts, active, in_flight, rng)
        else:
            arms = drawn(prepared.reached, rng.random(len(contexts)))
        return arms, prepared.propensities[arms]

    @classmethod
    def _prepare(cls, hyper: Any, state: S, active: Mask) -> Prepared | None:
        return None

    @classmethod
    def _grow(cls, hyper: Any, state: S, grown: S) -> S:
        """``grown`` has what ``state`` learned, and the prior for the other arms."""
        return grown

    @classmethod
    def _chances(
        cls, hyper: Any, state: S, contexts: NDArray[np.float32], active: Mask
    ) -> NDArray[np.float64] | None:
        prepared = cls._prepare(hyper, state, active)
        if prepared is None:
            return None
        size = (len(contexts), state.num_arms)
        return np.broadcast_to(prepared.propensities, size)

    @classmethod
    def _weigh(
        cls,
        hyper: Any,
        state: S,
        contexts: NDArray[np.float32],
        active: Mask,
        arms: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """The propensities of choices that ``_select_many`` left open."""
        chances = cls._chances(hyper, state, contexts, active)
        if chances is None:
            return np.full(len(arms), np.nan)
        return chances[np.arange(len(arms)), arms]

    @classmethod
    @abc.abstractmethod
    def _fold(cls, hyper: Any, state: S, feedback: Feedback) -> S: ...
