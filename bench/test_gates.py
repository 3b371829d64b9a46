"""What a gate costs a selection: with none, with its parts, and with ten rules.

Run: python -m pytest bench/test_gates.py
"""

from __future__ import annotations

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from proxysvc.definitions import Entry
from proxysvc.gates.compiled import CompiledGate
from qbrixcore.definition import DefinitionArm
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.gate import Gate
from qbrixcore.gate import Rule
from qbrixcore.pool import Pool

EXPERIMENT = "0123456789abcdef0123456789abcdef"
ARMS = tuple(DefinitionArm(f"a{index}", f"arm {index}") for index in range(3))
METADATA: dict[str, Any] = {
    "plan": "free",
    "age": 33,
    "country": "FR",
    "tags": ["new", "mobile"],
    "orders": 4,
    "city": "Lyon",
    "score": 0.25,
    "member": False,
    "since": "2024-05-01",
    "agent": "Mozilla/5.0 (X11; Linux x86_64)",
}
# one of each operator; none of them matches
RULES = (
    Rule("plan", "==", "pro", "a1"),
    Rule("age", ">=", 65, "a1"),
    Rule("country", "in", ["DE", "AT", "CH"], "a2"),
    Rule("tags", "contains", "vip"),
    Rule("orders", "!=", 4),
    Rule("city", "not_in", ["Lyon", "Paris"]),
    Rule("score", "<", 0.25),
    Rule("member", "==", True),
    Rule("since", ">", "2025-01-01"),
    Rule("agent", "not_contains", "Mozilla"),
)
HOURS: dict[str, Any] = {
    "active_hours_start": "00:00",
    "active_hours_end": "23:59",
    "timezone": "Europe/Berlin",
}
CASES = [
    pytest.param((), {}, id="rollout"),
    pytest.param((), HOURS, id="rollout-hours"),
    pytest.param(RULES, {}, id="rollout-ten-rules"),
    pytest.param(RULES, HOURS, id="rollout-hours-ten-rules"),
]


@pytest.mark.parametrize(("rules", "hours"), CASES)
def test_decide(
    benchmark: BenchmarkFixture, rules: tuple[Rule, ...], hours: dict[str, Any]
) -> None:
    gate = CompiledGate(
        Gate(default_arm_id="a0", rules=rules, **hours), EXPERIMENT, ARMS
    )
    assert benchmark(gate.force, "somebody", METADATA) is None


def test_without_a_gate(benchmark: BenchmarkFixture) -> None:
    """All that a selection pays whose experiment has no gate."""
    experiment = Experiment("e", "e", Pool.of("a", "b"), "BetaTSPolicy")
    entry = Entry.of(make_definition("t", experiment, 1))
    assert benchmark(lambda: entry.gate is None)


def test_compile(benchmark: BenchmarkFixture) -> None:
    """Once for each version of an experiment, in each worker."""
    gate = Gate(default_arm_id="a0", rules=RULES, **HOURS)
    benchmark(CompiledGate, gate, EXPERIMENT, ARMS)
