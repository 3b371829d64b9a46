"""What a simulated policy is up against.

Shapes: K arms, D features, T steps of an episode, B steps of a block.
"""

from __future__ import annotations

import abc
from collections.abc import Iterator
from typing import ClassVar
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from numpy.typing import NDArray

from qbrixcore.errors import Invalid

BLOCK = 4096


class Block(NamedTuple):
    """B steps, as they would go for any choice.

    ``contexts`` is float32 (B, D); ``means`` (B, K) is what each arm pays on average
    given its context, ``rewards`` (B, K) what it would pay now.
    """

    contexts: NDArray[np.float32]
    means: NDArray[np.float64]
    rewards: NDArray[np.float64]


class Problem(abc.ABC):
    """Arms whose rewards are drawn whatever is chosen.

    ``reward_type`` is binary, bounded or continuous. Regret is counted against the
    best arm of every step, or, where ``hindsight`` is set, against the one arm that
    pays most over all steps so far.
    """

    reward_type: ClassVar[str]
    hindsight: ClassVar[bool] = False
    num_arms: int
    dim: int = 0

    @abc.abstractmethod
    def blocks(self, rng: np.random.Generator, horizon: int) -> Iterator[Block]:
        """One episode of ``horizon`` steps, in blocks of at most ``BLOCK``."""


def lengths(horizon: int) -> Iterator[int]:
    """The lengths of the blocks of an episode."""
    for start in range(0, horizon, BLOCK):
        yield min(BLOCK, horizon - start)


def no_contexts(count: int) -> NDArray[np.float32]:
    """The contexts of a problem without features."""
    return np.empty((count, 0), dtype=np.float32)


def reals(name: str, values: ArrayLike, ndim: int) -> NDArray[np.float64]:
    """A finite float64 array of so many dimensions, none empty. Raises Invalid."""
    array = np.array(values, dtype=np.float64, order="C")
    if array.ndim != ndim or not array.size or not np.isfinite(array).all():
        raise Invalid(f"{name} must be finite numbers in {ndim} dimension(s)")
    return array


def probabilities(name: str, values: ArrayLike, ndim: int) -> NDArray[np.float64]:
    """The same of numbers in [0, 1]. Raises Invalid."""
    array = reals(name, values, ndim)
    if array.min() < 0.0 or array.max() > 1.0:
        raise Invalid(f"{name} must be from 0 to 1")
    return array
