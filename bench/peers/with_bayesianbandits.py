"""The problem in bayesianbandits."""

from __future__ import annotations

from typing import Any

from bayesianbandits import Agent
from bayesianbandits import Arm
from bayesianbandits import ContextualAgent
from bayesianbandits import DirichletClassifier
from bayesianbandits import NormalRegressor
from bayesianbandits import ThompsonSampling
from bayesianbandits import UpperConfidenceBound
from bench.peers.problem import ARMS
from bench.peers.problem import BETA
from bench.peers.problem import LEARN
from bench.peers.problem import LINEAR
from bench.peers.problem import QUERIES
from bench.peers.problem import Problem
from bench.peers.problem import Round
from bench.peers.problem import Task

PACKAGE = "bayesianbandits"
# the quantile that lies one standard deviation above the mean
ONE_SIGMA = 0.8413


def tasks(problem: Problem) -> list[Task]:
    """Everything measured, with what it needs already learned."""
    contexts = problem.contexts.astype("float64")
    queries = problem.queries.astype("float64")
    rows = [queries[n : n + 1] for n in range(QUERIES)]
    of_arm = [problem.arms == arm for arm in range(ARMS)]

    def learned(policy: Any) -> Any:
        arms = [Arm(k, learner=NormalRegressor(1.0, 1.0)) for k in range(ARMS)]
        agent = ContextualAgent(arms, policy, random_seed=1)
        for k, own in enumerate(of_arm):
            agent.select_for_update(k).update(contexts[own], problem.rewards[own])
        return agent

    def deciding(agent: Any) -> Round:
        return lambda: [agent.pull(row)[0] for row in rows]

    plain: Any = Agent(
        [
            Arm(k, _chance, learner=DirichletClassifier({0: 1, 1: 1}))
            for k in range(ARMS)
        ],
        ThompsonSampling(),
        random_seed=1,
    )
    for k, own in enumerate(of_arm):
        plain.select_for_update(k).update(problem.plain_rewards[own].astype("int64"))

    def draw() -> list[int]:
        return [plain.pull()[0] for _ in range(QUERIES)]

    def learn() -> list[int]:
        learned(ThompsonSampling())
        return []

    return [
        Task(LINEAR, "UCB", deciding(learned(UpperConfidenceBound(ONE_SIGMA)))),
        Task(LINEAR, "Thompson", deciding(learned(ThompsonSampling()))),
        Task(BETA, "Thompson", draw),
        Task(LEARN, "a batch an arm", learn),
    ]


def _chance(samples: Any) -> Any:
    return samples[..., 1]
