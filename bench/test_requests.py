"""What a proxy worker spends on requests, all of the network left out.

Key, limit, gate, checks, token and counting are those of a real worker; the motor
answers in the next turn of the loop, and the log takes everything.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from bench.worker import TENANT
from bench.worker import Worker
from pytest_benchmark.fixture import BenchmarkFixture

from proxysvc.fast.app import FEEDBACK
from proxysvc.fast.app import SELECT
from proxysvc.fast.app import SELECT_BATCH
from qbrixcore.definition import Definition
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.gate import Gate
from qbrixcore.gate import Rule
from qbrixcore.gate import as_dict
from qbrixcore.pool import Pool

ARMS = 10
TOGETHER = 32
BATCH = 64
SCHEMA = [
    {"type": "categorical", "name": "device", "values": ["phone", "desktop", "tv"]},
    {"type": "numeric", "name": "age", "min": 0, "max": 100},
    {"type": "boolean", "name": "member"},
]
GATE = Gate(default_arm_id="0", rules=(Rule("plan", "==", "pro", "0"),))
CASES = [
    pytest.param("BetaTSPolicy", {}, None, {}, id="BetaTS"),
    pytest.param("BetaTSPolicy", {}, GATE, {}, id="BetaTS-gate"),
    pytest.param(
        "LinUCBPolicy", {"dim": 16}, None, {"vector": [0.125] * 16}, id="LinUCB-vector"
    ),
    pytest.param(
        "LinUCBPolicy",
        {"context_schema": SCHEMA},
        None,
        {"properties": {"device": "tv", "age": 31, "member": True}},
        id="LinUCB-properties",
    ),
]


def definition(
    policy: str, params: dict[str, Any], gate: Gate | None = None
) -> Definition:
    pool = Pool.of(*(f"arm-{arm}" for arm in range(ARMS)))
    experiment = Experiment("e", "e", pool, policy, params, gate=gate and as_dict(gate))
    return make_definition(TENANT, experiment, 1)


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker([definition("BetaTSPolicy", {})]) as worker:
        yield worker


def select(context: dict[str, Any]) -> bytes:
    metadata = {"plan": "free", "country": "FR"}
    asked = {"id": "user-17", "metadata": metadata, **context}
    return msgspec.json.encode({"experiment_id": "e", "context": asked})


def per_request(benchmark: BenchmarkFixture, requests: int) -> None:
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_request"] = seconds / requests * 1e6


@pytest.mark.parametrize(("policy", "params", "gate", "context"), CASES)
def test_select(
    benchmark: BenchmarkFixture,
    policy: str,
    params: dict[str, Any],
    gate: Gate | None,
    context: dict[str, Any],
) -> None:
    with Worker([definition(policy, params, gate)]) as worker:
        answers = benchmark(worker.answers, SELECT, [select(context)] * TOGETHER)
    arms = {msgspec.json.decode(answer)["arm"]["index"] for answer in answers}
    assert (len(answers), arms) == (TOGETHER, {0})
    per_request(benchmark, TOGETHER)


def test_a_lone_select(benchmark: BenchmarkFixture, worker: Worker) -> None:
    [answer] = benchmark(worker.answers, SELECT, [select({})])
    assert msgspec.json.decode(answer)["request_id"]


def test_feedback(benchmark: BenchmarkFixture, worker: Worker) -> None:
    bodies = rewards(worker.answers(SELECT, [select({})] * TOGETHER))
    answers = benchmark(worker.answers, FEEDBACK, bodies)
    assert {msgspec.json.decode(answer)["accepted"] for answer in answers} == {True}
    per_request(benchmark, TOGETHER)


def test_a_batch_of_selects(benchmark: BenchmarkFixture, worker: Worker) -> None:
    contexts = [{"id": f"user-{n}"} for n in range(BATCH)]
    body = msgspec.json.encode({"experiment_id": "e", "contexts": contexts})
    [answer] = benchmark(worker.answers, SELECT_BATCH, [body])
    assert len(msgspec.json.decode(answer)["results"]) == BATCH
    seconds = benchmark.stats.stats.median if benchmark.stats else 0.0
    benchmark.extra_info["us_per_decision"] = seconds / BATCH * 1e6


def rewards(answers: Sequence[bytes]) -> list[bytes]:
    return [
        msgspec.json.encode(
            {"request_id": msgspec.json.decode(answer)["request_id"], "reward": 1}
        )
        for answer in answers
    ]
