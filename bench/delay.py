"""What learning loses when params are refreshed only every so many choices.

Run as ``python -m bench.delay`` it prints cumulative regrets: one by one, with delay,
and with delay in harder forms, beside what delay may cost an index policy at most.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Final
from typing import NamedTuple

import numpy as np

from qbrixcore.simulation.contestant import Contestant
from qbrixcore.simulation.contextual import Linear
from qbrixcore.simulation.contextual import Logistic
from qbrixcore.simulation.curve import Curve
from qbrixcore.simulation.problem import Problem
from qbrixcore.simulation.run import simulate
from qbrixcore.simulation.stochastic import Bernoulli
from qbrixcore.simulation.traffic import Traffic

HORIZON: Final = 50_000
WINDOW: Final = 1_000
RUNS: Final = 20
ALLOWED: Final = 1.3  # times the regret without delay, plus one window at random

NINE_ARMS: Final = Bernoulli(np.arange(1, 10) / 10)
TEN_LINEAR: Final = Linear.random(10, 8)
TEN_LOGISTIC: Final = Logistic.random(10, 8)

INDICES: Final = (
    "UCB1TunedPolicy",
    "KLUCBPolicy",
    "KLUCBPlusPolicy",
    "MOSSPolicy",
    "MOSSAnyTimePolicy",
)
OTHERS: Final = (
    "EpsilonPolicy",
    "BetaTSPolicy",
    "EXP3Policy",
    "EXP3IXPolicy",
    "FPLPolicy",
)

WAYS: Final[dict[str, Traffic]] = {
    "one by one": Traffic(),
    "delayed": Traffic(delay=WINDOW),
    "not told": Traffic(delay=WINDOW, told=False),
    "4 motors": Traffic(delay=WINDOW, motors=4),
    "1 % heard": Traffic(delay=WINDOW, feedback=0.01),
}


class Row(NamedTuple):
    """One policy: its regret each way, and the most that delay may make of it."""

    policy: str
    regrets: dict[str, Curve]
    allowed: float


def measure(
    problem: Problem,
    policies: Sequence[str],
    horizon: int = HORIZON,
    runs: int = RUNS,
    ways: Sequence[str] = tuple(WAYS),
) -> Iterator[Row]:
    """The regrets of some policies; the first way is the measure of the others."""
    chance = Contestant.of("RandomPolicy", problem, horizon)
    [blind] = simulate(problem, [chance], horizon, max(runs, 4))
    window = float(blind.mean[-1]) / horizon * WINDOW
    entered = [Contestant.of(name, problem, horizon) for name in policies]
    found = {
        way: simulate(problem, entered, horizon, runs, traffic=WAYS[way])
        for way in ways
    }
    for n, name in enumerate(policies):
        regrets = {way: curves[n] for way, curves in found.items()}
        allowed = ALLOWED * float(regrets[ways[0]].mean[-1]) + window
        yield Row(name, regrets, allowed)


def show(title: str, rows: Iterator[Row]) -> None:
    """Print a table, regrets with their standard errors."""
    print(f"\n{title}\n")
    print("|", " | ".join(["policy", *WAYS, "allowed"]), "|")
    print("|---" * (len(WAYS) + 2) + "|")
    for row in rows:
        curves = row.regrets.values()
        cells = [f"{c.mean[-1]:,.0f} ± {c.stderr[-1]:,.0f}" for c in curves]
        print("|", " | ".join([row.policy, *cells, f"{row.allowed:,.0f}"]), "|")


def main() -> None:
    """Print the tables of all problems."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--horizon", type=int, default=HORIZON)
    parser.add_argument("--runs", type=int, default=RUNS)
    size = vars(parser.parse_args())
    for title, problem, policies in (
        ("nine Bernoulli arms, .1 to .9", NINE_ARMS, INDICES + OTHERS),
        ("ten linear arms, eight features", TEN_LINEAR, ("LinUCBPolicy",)),
        ("ten logistic arms, eight features", TEN_LOGISTIC, ("GLMUCBPolicy",)),
    ):
        show(title, measure(problem, policies, **size))


if __name__ == "__main__":
    main()
