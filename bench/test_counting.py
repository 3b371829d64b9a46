"""What counting adds to a select: dictionary look-ups."""

from __future__ import annotations

from pytest_benchmark.fixture import BenchmarkFixture

from proxysvc.insight.counting import Counting
from qbrixcore.definition import Definition
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.pool import Pool

CALLS = 1_000
EXPERIMENTS = 20


def definitions() -> list[Definition]:
    pool = Pool.of(*(f"arm-{arm}" for arm in range(5)))
    return [
        make_definition("t", Experiment(f"e{n}", f"e{n}", pool, "BetaTSPolicy"), 1)
        for n in range(EXPERIMENTS)
    ]


def test_count_selections(benchmark: BenchmarkFixture) -> None:
    counting, made = Counting(), definitions()

    def given() -> tuple[tuple[list[tuple[Definition, int, str]]], dict[str, object]]:
        counting.take()
        calls = [(made[n % EXPERIMENTS], n % 5, f"somebody {n}") for n in range(CALLS)]
        return (calls,), {}

    def count(calls: list[tuple[Definition, int, str]]) -> None:
        for definition, arm, context_id in calls:
            counting.selected(definition, arm, False, context_id)

    benchmark.pedantic(count, setup=given, rounds=200)
    assert sum(one.selections for one in counting.take().values()) == CALLS
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_selection"] = seconds / CALLS * 1e6
