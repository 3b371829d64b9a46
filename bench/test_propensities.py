"""What propensities cost: once a version of a state, or per choice with a context."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation

FRAME = 64


class Learned:
    """A policy whose arms were pulled up to a few hundred times each."""

    def __init__(self, name: str, arms: int, params: dict[str, Any]) -> None:
        spec = find_spec(name)
        self.policy = implementation(spec)
        self.hyper = spec.validate(params)
        self.rng = np.random.default_rng(1)
        self.arms = arms
        self.dim = spec.dim(self.hyper)
        pulls = 200 * arms
        chances = self.rng.uniform(0.1, 0.3, arms)
        chosen = self.rng.integers(0, arms, pulls)
        rewards = (self.rng.random(pulls) < chances[chosen]).astype(np.float64)
        vectors = self.contexts(pulls)
        log = Feedback(chosen, rewards, np.full(pulls, 0.5), vectors)
        self.state = self.policy.fold(self.hyper, spec.prior(arms, self.hyper), log)
        self.active = np.ones(arms, dtype=np.bool_)

    def contexts(self, count: int) -> Any:
        return self.rng.standard_normal((count, self.dim)).astype(np.float32)


@pytest.mark.parametrize("arms", [10, 100, 1000])
@pytest.mark.parametrize(
    "name", ["BetaTSPolicy", "GaussianTSPolicy", "DirichletTSPolicy", "FPLPolicy"]
)
def test_prepare(benchmark: BenchmarkFixture, name: str, arms: int) -> None:
    bench = Learned(name, arms, {})
    prepared = benchmark(bench.policy.prepare, bench.hyper, bench.state, bench.active)
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_version"] = seconds * 1e6
    assert prepared is not None
    assert prepared.propensities.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("count", [1, FRAME])
@pytest.mark.parametrize("arms", [10, 100, 1000])
@pytest.mark.parametrize("ready", [False, True], ids=["chosen", "prepared"])
def test_select_with_prepared(
    benchmark: BenchmarkFixture, ready: bool, arms: int, count: int
) -> None:
    bench = Learned("BetaTSPolicy", arms, {})
    prepared = bench.policy.prepare(bench.hyper, bench.state, bench.active)
    _, p = benchmark(
        bench.policy.select_many,
        bench.hyper,
        bench.state,
        bench.contexts(count),
        bench.active,
        InFlight.none(arms),
        bench.rng,
        prepared if ready else None,
    )
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_decision"] = seconds / count * 1e6
    assert np.isnan(p).all() != ready


@pytest.mark.parametrize("weigh", [False, True], ids=["chosen", "weighed"])
@pytest.mark.parametrize("name", ["LinTSPolicy", "LogisticTSPolicy"])
def test_select_with_context(
    benchmark: BenchmarkFixture, name: str, weigh: bool
) -> None:
    bench = Learned(name, 10, {"dim": 10})
    arms, p = benchmark(
        bench.policy.select_many,
        bench.hyper,
        bench.state,
        bench.contexts(FRAME),
        bench.active,
        InFlight.none(10),
        bench.rng,
        None,
        weigh,
    )
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_decision"] = seconds / FRAME * 1e6
    assert np.isnan(p).all() != weigh
