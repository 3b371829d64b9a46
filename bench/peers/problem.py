"""The one problem every library gets: 10 arms, 10 features, 1,000 rewards learned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

ARMS = 10
FEATURES = 10
LEARNED = 1_000
QUERIES = 200
SEED = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """A log of 0/1 rewards of uniformly chosen arms, and contexts to decide for.

    With context, the chance of a reward is linear in ``contexts`` (LEARNED, FEATURES);
    without, it is ``chances`` (ARMS,). ``arms`` is the same in both logs.
    """

    contexts: Any
    arms: Any
    rewards: Any
    queries: Any
    query_chances: Any
    chances: Any
    plain_rewards: Any

    def gain(self, chosen: list[int]) -> float:
        """Of what the best arms are ahead of random ones, the share that was won."""
        best, even = self.query_chances.max(axis=1), self.query_chances.mean(axis=1)
        won = self.query_chances[np.arange(len(chosen)), chosen]
        return float((won - even).mean() / (best - even).mean())

    def plain_gain(self, chosen: list[int]) -> float:
        """The same without context."""
        ahead = self.chances - self.chances.mean()
        return float(ahead[chosen].mean() / ahead.max())


def make_problem() -> Problem:
    """The problem, the same in every process."""
    rng = np.random.default_rng(SEED)
    weights = rng.normal(0.0, 0.12, (ARMS, FEATURES))

    def contexts(count: int) -> Any:
        drawn = rng.normal(0.0, 1.0, (count, FEATURES)).astype(np.float32)
        drawn[:, 0] = 1.0
        return drawn

    def odds(x: Any) -> Any:
        return np.clip(0.5 + x @ weights.T, 0.0, 1.0)

    learned, queries = contexts(LEARNED), contexts(QUERIES)
    arms = rng.integers(0, ARMS, LEARNED)
    chances = np.linspace(0.1, 0.9, ARMS)
    happy = odds(learned)[np.arange(LEARNED), arms]
    return Problem(
        contexts=learned,
        arms=arms,
        rewards=(rng.random(LEARNED) < happy).astype(np.float64),
        queries=queries,
        query_chances=odds(queries),
        chances=chances,
        plain_rewards=(rng.random(LEARNED) < chances[arms]).astype(np.float64),
    )


# what one round does, and a round of it: the arms it chose, none where it learns
Round = Callable[[], list[int]]
LINEAR = "linear"
BETA = "beta"
LEARN = "learn"


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that one library does: ``kind`` says what, ``how`` by which means."""

    kind: str
    how: str
    round: Round
