"""The problem in river."""

from __future__ import annotations

from bench.peers.problem import ARMS
from bench.peers.problem import BETA
from bench.peers.problem import LEARN
from bench.peers.problem import LINEAR
from bench.peers.problem import QUERIES
from bench.peers.problem import Problem
from bench.peers.problem import Task
from river import bandit
from river import proba

PACKAGE = "river"


def tasks(problem: Problem) -> list[Task]:
    """Everything measured, with what it needs already learned."""
    arms = list(range(ARMS))
    contexts = [dict(enumerate(row)) for row in problem.contexts.tolist()]
    queries = [dict(enumerate(row)) for row in problem.queries.tolist()]
    chosen, rewards = problem.arms.tolist(), problem.rewards.tolist()

    def learned() -> bandit.LinUCBDisjoint:
        policy = bandit.LinUCBDisjoint(alpha=1.0, beta=1.0)
        for arm, context, reward in zip(chosen, contexts, rewards, strict=True):
            policy.update(arm, context, reward)
        return policy

    linear = learned()
    plain = bandit.ThompsonSampling(reward_obj=proba.Beta())
    for arm, reward in zip(chosen, problem.plain_rewards.tolist(), strict=True):
        plain.update(arm, reward)

    def decide() -> list[int]:
        return [linear.pull(arms, query) for query in queries]

    def draw() -> list[int]:
        return [plain.pull(arms) for _ in range(QUERIES)]

    def learn() -> list[int]:
        learned()
        return []

    return [
        Task(LINEAR, "LinUCB", decide),
        Task(BETA, "Thompson", draw),
        Task(LEARN, "one at a time", learn),
    ]
