"""The problem in MABWiser."""

from __future__ import annotations

from bench.peers.problem import ARMS
from bench.peers.problem import BETA
from bench.peers.problem import LEARN
from bench.peers.problem import LINEAR
from bench.peers.problem import QUERIES
from bench.peers.problem import Problem
from bench.peers.problem import Task
from mabwiser.mab import MAB
from mabwiser.mab import LearningPolicy

PACKAGE = "mabwiser"


def tasks(problem: Problem) -> list[Task]:
    """Everything measured, with what it needs already learned."""
    arms = list(range(ARMS))

    def learned() -> MAB:
        mab = MAB(arms, LearningPolicy.LinUCB(alpha=1.0, l2_lambda=1.0))
        mab.fit(problem.arms, problem.rewards, problem.contexts)
        return mab

    linear = learned()
    plain = MAB(arms, LearningPolicy.ThompsonSampling())
    plain.fit(problem.arms, problem.plain_rewards)
    rows = [problem.queries[n : n + 1] for n in range(QUERIES)]

    def decide() -> list[int]:
        return [linear.predict(row) for row in rows]

    def draw() -> list[int]:
        return [plain.predict() for _ in range(QUERIES)]

    def learn() -> list[int]:
        learned()
        return []

    return [
        Task(LINEAR, "LinUCB", decide),
        Task(BETA, "Thompson", draw),
        Task(LEARN, "one batch", learn),
    ]
