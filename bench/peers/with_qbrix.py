"""The problem in qbrix."""

from __future__ import annotations

import numpy as np
from bench.peers.problem import ARMS
from bench.peers.problem import BETA
from bench.peers.problem import FEATURES
from bench.peers.problem import LEARN
from bench.peers.problem import LEARNED
from bench.peers.problem import LINEAR
from bench.peers.problem import QUERIES
from bench.peers.problem import Problem
from bench.peers.problem import Task

from qbrixcore.agent import Agent
from qbrixcore.context import Context
from qbrixcore.context import Feedback
from qbrixcore.experiment import Experiment
from qbrixcore.pool import Pool

PACKAGE = "qbrix-core"


def tasks(problem: Problem) -> list[Task]:
    """Everything measured, with what it needs already learned."""
    pool, rng = Pool.of(*map(str, range(ARMS))), np.random.default_rng(1)
    params = {"dim": FEATURES, "alpha": 1.0}
    linear = Agent(Experiment("e", "e", pool, "LinUCBPolicy", dict(params)), rng)
    plain = Agent(Experiment("e", "e", pool, "BetaTSPolicy"), rng)
    even = np.full(LEARNED, 1 / ARMS)
    log = Feedback.of(problem.arms, problem.rewards, even, problem.contexts)
    prior = linear.prior()
    state = linear.train(prior, log)
    counts = plain.train(
        plain.prior(), Feedback.of(problem.arms, problem.plain_rewards)
    )
    contexts = [Context(vector=row) for row in problem.queries]

    def decide() -> list[int]:
        return [linear.select(state, context).arm.index for context in contexts]

    def draw() -> list[int]:
        return [plain.select(counts).arm.index for _ in range(QUERIES)]

    def learn() -> list[int]:
        linear.train(prior, log)
        return []

    return [
        Task(LINEAR, "LinUCB", decide),
        Task(BETA, "Thompson", draw),
        Task(LEARN, "one batch", learn),
    ]
