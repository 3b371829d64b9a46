"""Arms whose pay depends on a feature vector.

Shapes: K arms, D features.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from numpy.typing import NDArray

from qbrixcore.errors import Invalid
from qbrixcore.simulation.problem import Block
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.problem import lengths
from qbrixcore.simulation.problem import reals


class _Scored(Problem):
    """Contexts x ~ N(0, I), arms scored by x · ``weights[k]``, ``weights`` (K, D)."""

    def __init__(self, weights: ArrayLike) -> None:
        self.weights = reals("weights", weights, 2)
        self.num_arms, self.dim = self.weights.shape

    @classmethod
    def random(cls, num_arms: int, dim: int, seed: int = 0) -> Self:
        """Weights N(0, 1 / D), so that scores vary as N(0, 1). Raises Invalid."""
        if num_arms < 1 or dim < 1:
            raise Invalid("a contextual problem needs arms and features")
        rng = np.random.default_rng(seed)
        return cls(rng.standard_normal((num_arms, dim)) / np.sqrt(dim))

    def blocks(self, rng: np.random.Generator, horizon: int) -> Iterator[Block]:
        features, noise = rng.spawn(2)
        for count in lengths(horizon):
            contexts = features.standard_normal((count, self.dim), dtype=np.float32)
            scores = contexts.astype(np.float64) @ self.weights.T
            yield self._paid(contexts, scores, noise)

    def _paid(
        self,
        contexts: NDArray[np.float32],
        scores: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> Block:
        raise NotImplementedError


class Linear(_Scored):
    """Arm k pays x · ``weights[k]`` + N(0, ``deviation``²). Raises Invalid."""

    reward_type = "continuous"

    def __init__(self, weights: ArrayLike, deviation: float = 0.5) -> None:
        super().__init__(weights)
        self.deviation = float(reals("deviation", [deviation], 1)[0])
        if self.deviation < 0.0:
            raise Invalid("deviation must not be negative")

    def _paid(
        self,
        contexts: NDArray[np.float32],
        scores: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> Block:
        noise = rng.standard_normal(scores.shape)
        return Block(contexts, scores, scores + self.deviation * noise)


class Logistic(_Scored):
    """Arm k pays 1 with probability 1 / (1 + exp(-x · ``weights[k]``)), else 0."""

    reward_type = "binary"

    def _paid(
        self,
        contexts: NDArray[np.float32],
        scores: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> Block:
        means = 1.0 / (1.0 + np.exp(-scores))
        drawn = rng.random(scores.shape) < means
        return Block(contexts, means, drawn.astype(np.float64))
