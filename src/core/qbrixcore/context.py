"""What is known at a choice, what became of it, and what is still unanswered.

Shapes: K arms, D features, N observations.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike
from numpy.typing import NDArray

from qbrixcore.errors import InvalidContext

Vector = NDArray[np.float32]

SINGLE = np.dtype(np.float32)


def as_vector(values: ArrayLike) -> Vector:
    """A (D,) float32 vector of finite features. Raises InvalidContext."""
    if type(values) is np.ndarray and values.dtype == SINGLE and values.ndim == 1:
        return _finite(np.ascontiguousarray(values))
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            vector = np.ascontiguousarray(values, dtype=np.float32)
    except (TypeError, ValueError, OverflowError):
        raise InvalidContext("the vector must be a list of numbers") from None
    if np.ndim(values) != 1:
        raise InvalidContext("the vector must have one dimension")
    return _finite(vector)


def _finite(vector: Vector) -> Vector:
    if np.count_nonzero(np.isfinite(vector)) != vector.size:
        raise InvalidContext("every feature must be finite as a 32-bit float")
    return vector


class Context(msgspec.Struct, frozen=True, eq=False):
    """Who the choice is for (``id``) and what is known about them.

    ``vector`` is (D,) float32, or None where the policy reads no features;
    ``metadata`` holds the properties that a context schema encodes.
    """

    id: str = ""
    vector: Vector | None = None
    metadata: Mapping[str, object] = {}


class Feedback(msgspec.Struct, frozen=True, eq=False):
    """The outcome of N choices, in the order in which they are learned.

    ``arms`` is int64 (N,), ``rewards`` float64 (N,), ``vectors`` float32 (N, D), or
    (N, 0) where the policy reads no features. ``propensities`` is float64 (N,): the
    probability each choice had when it was made, NaN where it was not computed.
    """

    arms: NDArray[np.int64]
    rewards: NDArray[np.float64]
    propensities: NDArray[np.float64]
    vectors: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        arms: Sequence[int] | NDArray[np.int64],
        rewards: Sequence[float] | NDArray[np.float64],
        propensities: Sequence[float] | NDArray[np.float64] | None = None,
        vectors: ArrayLike | None = None,
    ) -> Feedback:
        """Feedback from sequences of equal length."""
        count = len(arms)
        return cls(
            arms=np.ascontiguousarray(arms, dtype=np.int64),
            rewards=np.ascontiguousarray(rewards, dtype=np.float64),
            propensities=np.full(count, np.nan)
            if propensities is None
            else np.ascontiguousarray(propensities, dtype=np.float64),
            vectors=np.empty((count, 0), dtype=np.float32)
            if vectors is None
            else np.ascontiguousarray(vectors, dtype=np.float32),
        )

    @classmethod
    def one(
        cls,
        arm: int,
        reward: float,
        propensity: float | None = None,
        vector: ArrayLike | None = None,
    ) -> Feedback:
        """Feedback of a single choice."""
        return cls.of(
            [arm],
            [reward],
            None if propensity is None else [propensity],
            None if vector is None else as_vector(vector).reshape(1, -1),
        )


class InFlight(msgspec.Struct, frozen=True, eq=False):
    """Choices made whose outcome the state has not learned yet.

    ``counts`` is float64 (K,), choices per arm; ``gram`` is float64 (K, D, D), the sum
    of x xᵀ over their contexts, or None where no features are read or none are known.
    """

    counts: NDArray[np.float64]
    gram: NDArray[np.float64] | None = None

    @classmethod
    def none(cls, num_arms: int) -> InFlight:
        """Nothing is unanswered."""
        return cls(counts=np.zeros(num_arms))
