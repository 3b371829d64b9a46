"""The problem in Vowpal Wabbit, which has no LinUCB: epsilon-greedy linear models."""

from __future__ import annotations

import random
from typing import Any

from bench.peers.problem import ARMS
from bench.peers.problem import LEARN
from bench.peers.problem import LINEAR
from bench.peers.problem import Problem
from bench.peers.problem import Task
from vowpalwabbit import Workspace

PACKAGE = "vowpalwabbit"
OPTIONS = f"--cb_explore {ARMS} --epsilon 0.05"


def tasks(problem: Problem) -> list[Task]:
    """Everything measured, with what it needs already learned."""
    lines = [_line(row) for row in problem.queries.tolist()]
    log = [
        f"{arm + 1}:{-reward}:{1 / ARMS} {_line(row)}"
        for arm, reward, row in zip(
            problem.arms.tolist(),
            problem.rewards.tolist(),
            problem.contexts.tolist(),
            strict=True,
        )
    ]

    def learned() -> Any:
        workspace = Workspace(OPTIONS, quiet=True)
        for line in log:
            workspace.learn(line)
        return workspace

    linear, arms = learned(), range(ARMS)
    parsed = [linear.parse(line) for line in lines]

    def decide() -> list[int]:
        return [random.choices(arms, linear.predict(line))[0] for line in lines]

    def decide_parsed() -> list[int]:
        return [random.choices(arms, linear.predict(example))[0] for example in parsed]

    def learn() -> list[int]:
        learned()
        return []

    return [
        Task(LINEAR, "epsilon, from text", decide),
        Task(LINEAR, "epsilon, parsed before", decide_parsed),
        Task(LEARN, "one at a time", learn),
    ]


def _line(row: list[float]) -> str:
    return "| " + " ".join(f"f{n}:{value:.9g}" for n, value in enumerate(row))
