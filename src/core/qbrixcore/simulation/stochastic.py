"""Arms that pay independently of any context: fixed, and drifting."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike
from numpy.typing import NDArray

from qbrixcore.errors import Invalid
from qbrixcore.simulation.problem import Block
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.problem import lengths
from qbrixcore.simulation.problem import no_contexts
from qbrixcore.simulation.problem import probabilities
from qbrixcore.simulation.problem import reals


class Bernoulli(Problem):
    """Arm k pays 1 with probability ``means[k]``, else 0. Raises Invalid."""

    reward_type = "binary"

    def __init__(self, means: ArrayLike) -> None:
        self.means = probabilities("means", means, 1)
        self.num_arms = self.means.size

    def blocks(self, rng: np.random.Generator, horizon: int) -> Iterator[Block]:
        for count in lengths(horizon):
            drawn = rng.random((count, self.num_arms)) < self.means
            yield _steady(self.means, drawn.astype(np.float64))


class Gaussian(Problem):
    """Arm k pays N(``means[k]``, ``deviation``²). Raises Invalid."""

    reward_type = "continuous"

    def __init__(self, means: ArrayLike, deviation: float = 1.0) -> None:
        self.means = reals("means", means, 1)
        self.num_arms = self.means.size
        self.deviation = float(reals("deviation", [deviation], 1)[0])
        if self.deviation < 0.0:
            raise Invalid("deviation must not be negative")

    def blocks(self, rng: np.random.Generator, horizon: int) -> Iterator[Block]:
        for count in lengths(horizon):
            noise = rng.standard_normal((count, self.num_arms))
            yield _steady(self.means, self.means + self.deviation * noise)


class Categorical(Problem):
    """Arm k pays ``values[m]`` with probability ``weights[k, m]``.

    ``weights`` is (K, M) with rows that sum to 1; ``values`` (M,) is by default the
    grid 0, 1 / (M - 1), …, 1. Raises Invalid.
    """

    reward_type = "bounded"

    def __init__(self, weights: ArrayLike, values: ArrayLike | None = None) -> None:
        self.weights = probabilities("weights", weights, 2)
        outcomes = self.weights.shape[1]
        self.num_arms = len(self.weights)
        if values is None:
            values = np.linspace(0.0, 1.0, outcomes)
        self.values = probabilities("values", values, 1)
        if self.values.size != outcomes:
            raise Invalid(f"there are {outcomes} weights but {self.values.size} values")
        if not np.allclose(self.weights.sum(axis=1), 1.0, atol=1e-9):
            raise Invalid("the weights of an arm must sum to 1")
        self.means = self.weights @ self.values

    def blocks(self, rng: np.random.Generator, horizon: int) -> Iterator[Block]:
        reached = self.weights.cumsum(axis=1)[:, :-1]
        for count in lengths(horizon):
            draws = rng.random((count, self.num_arms, 1))
            yield _steady(self.means, self.values[(draws >= reached).sum(axis=2)])


class Drifting(Problem):
    """Bernoulli arms whose means walk at random, each run its own way.

    Every step moves each mean by N(0, ``speed``²), reflected at 0 and 1. Regret is
    against the best arm of the moment. Raises Invalid.
    """

    reward_type = "binary"

    def __init__(self, means: ArrayLike, speed: float = 0.01) -> None:
        self.means = probabilities("means", means, 1)
        self.num_arms = self.means.size
        self.speed = float(probabilities("speed", [speed], 1)[0])

    def blocks(self, rng: np.random.Generator, horizon: int) -> Iterator[Block]:
        walk, draws = rng.spawn(2)
        at = self.means
        for count in lengths(horizon):
            steps = walk.standard_normal((count, self.num_arms)) * self.speed
            path = at + steps.cumsum(axis=0)
            at = path[-1]
            means = 1.0 - np.abs(1.0 - np.mod(path, 2.0))
            drawn = draws.random(means.shape) < means
            yield Block(no_contexts(count), means, drawn.astype(np.float64))


def _steady(means: NDArray[np.float64], rewards: NDArray[np.float64]) -> Block:
    everywhere = np.broadcast_to(means, rewards.shape)
    return Block(no_contexts(len(rewards)), everywhere, rewards)
