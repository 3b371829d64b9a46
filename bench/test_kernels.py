"""Per-decision cost in a frame of 64, and fold rates, per policy.

Each figure is of the public method, so argument checks are included.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from qbrixcore.agent import Agent
from qbrixcore.checks.case import Policy
from qbrixcore.context import Context
from qbrixcore.context import Feedback
from qbrixcore.context import InFlight
from qbrixcore.experiment import Experiment
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.registry import implementation
from qbrixcore.pool import Pool

ARMS = 10
FRAME = 64
LOG = 5_000
CASES = [
    pytest.param("BetaTSPolicy", {}, id="BetaTS"),
    pytest.param("DiscountedTSPolicy", {}, id="DiscountedTS"),
    pytest.param("GaussianTSPolicy", {}, id="GaussianTS"),
    pytest.param("DirichletTSPolicy", {}, id="DirichletTS"),
    pytest.param("UCB1TunedPolicy", {}, id="UCB1-Tuned"),
    pytest.param("KLUCBPolicy", {}, id="KL-UCB"),
    pytest.param("KLUCBPlusPolicy", {}, id="KL-UCB+"),
    pytest.param("MOSSPolicy", {"horizon": 100_000}, id="MOSS"),
    pytest.param("MOSSAnyTimePolicy", {}, id="MOSS-anytime"),
    pytest.param("EpsilonPolicy", {}, id="Epsilon"),
    pytest.param("RandomPolicy", {}, id="Random"),
    pytest.param("EXP3Policy", {}, id="EXP3"),
    pytest.param("EXP3IXPolicy", {}, id="EXP3-IX"),
    pytest.param("FPLPolicy", {}, id="FPL"),
    pytest.param("GLMUCBPolicy", {"dim": 10}, id="GLM-UCB-10"),
    pytest.param("LinTSPolicy", {"dim": 10}, id="LinTS-10"),
    pytest.param("LogisticTSPolicy", {"dim": 10}, id="LogisticTS-10"),
    pytest.param("LinUCBPolicy", {"dim": 10}, id="LinUCB-10"),
    pytest.param("LinUCBPolicy", {"dim": 16}, id="LinUCB-16"),
    pytest.param("LinUCBPolicy", {"dim": 64}, id="LinUCB-64"),
    pytest.param("auto", {}, id="auto"),
    pytest.param("auto", {"dim": 10}, id="auto-10"),
]


class Bench:
    """A policy with a state that has learned."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        spec = find_spec(name)
        self.policy: Policy = implementation(spec)
        self.hyper = spec.validate(params)
        self.dim = spec.dim(self.hyper)
        self.rng = np.random.default_rng(0)
        self.log = Feedback(
            arms=self.rng.integers(0, ARMS, LOG),
            rewards=self.rewards(spec.rewards.binary),
            propensities=np.full(LOG, 1 / ARMS),
            vectors=self.contexts(LOG),
        )
        self.prior = spec.prior(ARMS, self.hyper)
        self.state = self.policy.fold(self.hyper, self.prior, self.log)

    def rewards(self, binary: bool) -> Any:
        drawn = self.rng.random(LOG)
        return drawn.round() if binary else drawn

    def contexts(self, count: int) -> Any:
        return self.rng.standard_normal((count, self.dim)).astype(np.float32)


@pytest.mark.parametrize("count", [1, FRAME])
@pytest.mark.parametrize(("name", "params"), CASES)
def test_select(
    benchmark: BenchmarkFixture, name: str, params: dict[str, Any], count: int
) -> None:
    bench = Bench(name, params)
    contexts, active = bench.contexts(count), np.ones(ARMS, dtype=np.bool_)
    none = InFlight.none(ARMS)
    arms, _ = benchmark(
        bench.policy.select_many,
        bench.hyper,
        bench.state,
        contexts,
        active,
        none,
        bench.rng,
    )
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_decision"] = seconds / count * 1e6
    assert len(arms) == count


@pytest.mark.parametrize("count", [1, LOG])
@pytest.mark.parametrize(("name", "params"), CASES)
def test_fold(
    benchmark: BenchmarkFixture, name: str, params: dict[str, Any], count: int
) -> None:
    bench = Bench(name, params)
    log = Feedback(
        *(getattr(bench.log, f)[:count] for f in bench.log.__struct_fields__)
    )
    state = benchmark(bench.policy.fold, bench.hyper, bench.prior, log)
    seconds = benchmark.stats.stats.median if benchmark.stats else 1.0
    benchmark.extra_info["events_per_second"] = count / seconds
    assert state.pulls.sum() == count


@pytest.mark.parametrize(("name", "params"), CASES)
def test_agent_select(
    benchmark: BenchmarkFixture, name: str, params: dict[str, Any]
) -> None:
    bench = Bench(name, params)
    pool = Pool.of(*(f"arm-{k}" for k in range(ARMS)))
    agent = Agent(Experiment("e", "e", pool, name, params), bench.rng)
    context = Context(vector=bench.contexts(1)[0])
    assert benchmark(agent.select, bench.state, context).arm in pool.arms


@pytest.mark.parametrize("dim", [10, 64])
def test_read_of_the_inverses(benchmark: BenchmarkFixture, dim: int) -> None:
    """What a linear decision cannot beat: one pass over K d² numbers."""
    inverse = np.random.default_rng(0).random(ARMS * dim * dim)
    assert benchmark(np.dot, inverse, inverse) > 0
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_read"] = seconds * 1e6


@pytest.mark.parametrize("alpha_prior", [0.5, 1.0])
def test_select_before_anything_is_learned(
    benchmark: BenchmarkFixture, alpha_prior: float
) -> None:
    bench = Bench("BetaTSPolicy", {"alpha_prior": alpha_prior})
    arms, _ = benchmark(
        bench.policy.select_many,
        bench.hyper,
        bench.prior,
        bench.contexts(FRAME),
        np.ones(ARMS, dtype=np.bool_),
        InFlight.none(ARMS),
        bench.rng,
    )
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_decision"] = seconds / FRAME * 1e6
    assert len(arms) == FRAME
