"""Many seeded runs of policies on a problem."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import Invalid
from qbrixcore.simulation.contestant import Contestant
from qbrixcore.simulation.curve import Curve
from qbrixcore.simulation.curve import Ledger
from qbrixcore.simulation.curve import exact_checkpoints
from qbrixcore.simulation.curve import spread_checkpoints
from qbrixcore.simulation.player import make_player
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.steps import find_steps
from qbrixcore.simulation.traffic import Traffic


def simulate(
    problem: Problem,
    contestants: Sequence[Contestant],
    horizon: int,
    runs: int,
    *,
    traffic: Traffic | None = None,
    checkpoints: Sequence[int] | None = None,
    seed: int = 0,
    threads: int | None = None,
) -> list[Curve]:
    """Cumulative pseudo-regret of every policy, over ``runs`` episodes of each.

    Run r draws from the rth child of the seed, rewards, choices and traffic from a
    stream each. All policies meet the same rewards run by run, so that differences
    between them are paired, and no result depends on what else is simulated or on the
    number of threads (by default, all cores). Raises Invalid.

    >>> from qbrixcore.simulation.stochastic import Bernoulli
    >>> problem = Bernoulli([0.9, 0.5])
    >>> beta = Contestant.of("BetaTSPolicy", problem, horizon=1000)
    >>> [curve] = simulate(problem, [beta], horizon=1000, runs=50)
    >>> curve.checkpoints.tolist(), bool(curve.mean[-1] < 10)
    ([10, 100, 500, 1000], True)
    """
    if horizon < 1 or runs < 2:
        raise Invalid("a simulation needs a step and two runs")
    points = spread_checkpoints(horizon)
    if checkpoints is not None:
        points = exact_checkpoints(checkpoints)
        if points[-1] > horizon:
            raise Invalid("a checkpoint lies beyond the horizon")
    way = traffic or Traffic()
    seeds = np.random.SeedSequence(seed).spawn(runs)
    for contestant in contestants:
        # compiled here, not by every thread
        find_steps(contestant.policy.spec.name)

    def one(job: tuple[Contestant, np.random.SeedSequence]) -> NDArray[np.float64]:
        return episode(problem, job[0], way, horizon, points, job[1])

    jobs = [(contestant, child) for contestant in contestants for child in seeds]
    with ThreadPoolExecutor(threads or len(os.sched_getaffinity(0))) as pool:
        try:
            totals = list(pool.map(one, jobs))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [
        Curve(contestant.label, points, np.array(totals[n * runs : (n + 1) * runs]))
        for n, contestant in enumerate(contestants)
    ]


def episode(
    problem: Problem,
    contestant: Contestant,
    traffic: Traffic,
    horizon: int,
    checkpoints: NDArray[np.int64],
    seed: np.random.SeedSequence,
) -> NDArray[np.float64]:
    """Cumulative pseudo-regret of one run at the checkpoints."""
    # children are named, not spawned: spawning would count up in a shared seed
    rewards, choices, journeys = (
        np.random.default_rng(
            np.random.SeedSequence(seed.entropy, spawn_key=(*seed.spawn_key, stream))
        )
        for stream in range(3)
    )
    player = make_player(contestant, problem, traffic, choices)
    ledger = Ledger(problem, checkpoints)
    for block in problem.blocks(rewards, horizon):
        journey = traffic.draw(journeys, len(block.rewards))
        ledger.enter(block, player.play(block, journey))
    return ledger.noted
