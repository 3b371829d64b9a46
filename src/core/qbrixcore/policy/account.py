"""Keeping account of choices whose rewards are not learned yet, one by one.

Shapes: K arms, D features, N choices.
"""

from __future__ import annotations

import abc
from typing import Generic
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import InFlight
from qbrixcore.param.state import BaseParamState

S = TypeVar("S", bound=BaseParamState)


class Account(abc.ABC, Generic[S]):
    """Choices in flight on top of one state.

    ``state`` and ``in_flight`` are what ``select_many`` is to be given so that it
    accounts for everything added so far. ``add`` changes them in place, and never the
    state they were made of.
    """

    def __init__(self, state: S) -> None:
        self.state = state
        self.in_flight = InFlight.none(state.num_arms)

    @abc.abstractmethod
    def add(self, arms: NDArray[np.int64], contexts: NDArray[np.float32]) -> None:
        """Take in N choices, (N,), made for ``contexts`` (N, D).

        Trusts both to be what ``select_many`` took and gave.
        """


class Counts(Account[S]):
    """For rules that read how often each arm is in flight."""

    def add(self, arms: NDArray[np.int64], contexts: NDArray[np.float32]) -> None:
        """Count the choices."""
        counts = self.in_flight.counts
        if len(arms) == 1:
            counts[arms[0]] += 1.0
        else:
            counts += np.bincount(arms, minlength=counts.size)


class Designs(Account[S]):
    """For rules that read which contexts are in flight, by an inverse design matrix.

    ``state`` has a copy of that array, which takes in each context by a rank-one
    update, O(D²); a covariance in flight is factorised in every call, O(D³).
    """

    def __init__(self, state: S, name: str) -> None:
        self._design: NDArray[np.float64] = getattr(state, name).copy()
        super().__init__(msgspec.structs.replace(state, **{name: self._design}))

    def add(self, arms: NDArray[np.int64], contexts: NDArray[np.float32]) -> None:
        """Widen by the contexts."""
        self._absorb(self._design, arms, contexts)

    @abc.abstractmethod
    def _absorb(
        self,
        design: NDArray[np.float64],
        arms: NDArray[np.int64],
        contexts: NDArray[np.float32],
    ) -> None: ...
