"""Rewards fixed in advance by somebody who knows the policy but not its draws."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from qbrixcore.errors import Invalid
from qbrixcore.simulation.problem import BLOCK
from qbrixcore.simulation.problem import Block
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.problem import no_contexts
from qbrixcore.simulation.problem import probabilities


class Adversarial(Problem):
    """Step t pays ``rewards[t, k]``, in [0, 1], to whoever chooses arm k.

    The sequence (T, K) starts over when an episode is longer. Regret is against the
    arm that is best in hindsight. Raises Invalid.
    """

    reward_type = "bounded"
    hindsight = True

    def __init__(self, rewards: ArrayLike) -> None:
        self.rewards = probabilities("rewards", rewards, 2)
        self.num_arms = self.rewards.shape[1]

    @classmethod
    def reversal(cls, num_arms: int, horizon: int, gap: float = 0.2) -> Adversarial:
        """A trap for policies that trust the past.

        All arms pay 1/2; the first pays ``gap`` more until 2/5 of the horizon and
        ``gap`` less from then on, when the last one starts to pay ``gap`` more.
        """
        if num_arms < 2 or not 0.0 <= gap <= 0.5:
            raise Invalid("a reversal needs two arms and a gap from 0 to 0.5")
        rewards = np.full((horizon, num_arms), 0.5)
        turn = 2 * horizon // 5
        rewards[:turn, 0] += gap
        rewards[turn:, 0] -= gap
        rewards[turn:, -1] += gap
        return cls(rewards)

    def blocks(self, rng: np.random.Generator, horizon: int) -> Iterator[Block]:
        for start in range(0, horizon, BLOCK):
            steps = np.arange(start, min(start + BLOCK, horizon))
            rewards = self.rewards[steps % len(self.rewards)]
            yield Block(no_contexts(steps.size), rewards, rewards)
