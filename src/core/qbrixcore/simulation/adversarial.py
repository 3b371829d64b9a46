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
    def constrained(cls, num_arms: int, horizon: int, gap: float = 0.1) -> Adversarial:
        """The first arm always pays ``gap`` more, but the level of all moves.

        By turns arms pay 0 and ``gap``, or 1 - ``gap`` and 1, each turn twice as long
        as the one before. What is tried in a good turn seems better than it is [1]_.

        References
        ----------
        .. [1] Zimmert, J. and Seldin, Y. (2021). Tsallis-INF: an optimal algorithm for
           stochastic and adversarial bandits. JMLR 22. Section 6.
        """
        if num_arms < 2 or not 0.0 <= gap <= 1.0:
            raise Invalid("this needs two arms and a gap from 0 to 1")
        turns = np.log2(np.arange(horizon) + 2.0).astype(np.int64)
        level = np.where(turns % 2 == 1, 0.0, 1.0 - gap)
        rewards = np.repeat(level[:, None], num_arms, axis=1)
        rewards[:, 0] += gap
        return cls(np.minimum(rewards, 1.0))

    def blocks(self, rng: np.random.Generator, horizon: int) -> Iterator[Block]:
        for start in range(0, horizon, BLOCK):
            steps = np.arange(start, min(start + BLOCK, horizon))
            rewards = self.rewards[steps % len(self.rewards)]
            yield Block(no_contexts(steps.size), rewards, rewards)
