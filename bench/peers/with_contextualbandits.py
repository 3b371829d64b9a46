"""The problem in contextualbandits."""

from __future__ import annotations

from bench.peers.problem import ARMS
from bench.peers.problem import LEARN
from bench.peers.problem import LINEAR
from bench.peers.problem import QUERIES
from bench.peers.problem import Problem
from bench.peers.problem import Task
from contextualbandits.online import LinUCB

PACKAGE = "contextualbandits"


def tasks(problem: Problem) -> list[Task]:
    """Everything measured, with what it needs already learned."""
    contexts = problem.contexts.astype("float64")
    queries = problem.queries.astype("float64")

    def learned() -> LinUCB:
        # the faster of its two methods, in both respects
        bandit = LinUCB(
            ARMS, alpha=1.0, lambda_=1.0, fit_intercept=False, method="chol"
        )
        return bandit.fit(contexts, problem.arms, problem.rewards)

    linear = learned()
    rows = [queries[n : n + 1] for n in range(QUERIES)]

    def decide() -> list[int]:
        return [int(linear.predict(row)[0]) for row in rows]

    def learn() -> list[int]:
        learned()
        return []

    return [Task(LINEAR, "LinUCB", decide), Task(LEARN, "one batch", learn)]
