"""One episode through the public methods of a policy, step by step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.base import Chosen
from qbrixcore.simulation.contestant import Contestant
from qbrixcore.simulation.problem import Block
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.traffic import Journey
from qbrixcore.simulation.traffic import Traffic


class PlainPlayer:
    """Selects and folds as the services do; the measure of any faster way."""

    def __init__(
        self,
        contestant: Contestant,
        problem: Problem,
        traffic: Traffic,
        rng: np.random.Generator,
    ) -> None:
        self._policy = contestant.policy
        self._hyper = contestant.hyper
        self._traffic = traffic
        self._rng = rng
        self._state = self._policy.spec.prior(problem.num_arms, self._hyper)
        self._active = np.ones(problem.num_arms, dtype=np.bool_)
        self._none = InFlight.none(problem.num_arms)
        self._since = 0
        self._heard: list[tuple[int, float, float, NDArray[np.float32]]] = []
        # every choice not learned: motor, arm, context, and its place in the order
        self._open: list[tuple[int, int, NDArray[np.float32], bool]] = []

    def play(self, block: Block, journey: Journey) -> Chosen:
        """The arms of the next B steps, and their propensities, both (B,)."""
        count = len(block.rewards)
        arms, propensities = np.empty(count, dtype=np.int64), np.empty(count)
        for t in range(count):
            x, motor = block.contexts[t], int(journey.motors[t])
            chosen, p = self._policy.select_many(
                self._hyper,
                self._state,
                x.reshape(1, -1),
                self._active,
                self._in_flight(motor),
                self._rng,
            )
            arms[t], propensities[t] = chosen[0], p[0]
            answered = bool(journey.answered[t])
            self._open.append((motor, int(chosen[0]), x, answered))
            if answered:
                reward = float(block.rewards[t, chosen[0]])
                self._heard.append((int(chosen[0]), reward, float(p[0]), x))
            self._since += 1
            if self._since == self._traffic.delay:
                self._refresh()
        return arms, propensities

    def _in_flight(self, motor: int) -> InFlight:
        if not self._traffic.counts_in_flight:
            return self._none
        arms, dim = self._active.size, self._state.dim
        counts = np.zeros(arms)
        gram = np.zeros((arms, dim, dim))
        for by, arm, x, _ in self._open:
            if by == motor:
                counts[arm] += 1.0
                wide = x[:dim].astype(np.float64)
                gram[arm] += np.outer(wide, wide)
        return InFlight(counts, gram if dim else None)

    def _refresh(self) -> None:
        self._since = 0
        if not self._heard:
            return
        arms, rewards, propensities, vectors = zip(*self._heard, strict=True)
        feedback = Feedback.of(arms, rewards, propensities, np.array(vectors))
        self._state = self._policy.fold(self._hyper, self._state, feedback)
        self._heard = []
        last = max(n for n, entry in enumerate(self._open) if entry[3])
        self._open = self._open[last + 1 :]
