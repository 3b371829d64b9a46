"""Gates to test with."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime

from proxysvc.gates.compiled import CompiledGate
from qbrixcore.definition import DefinitionArm
from qbrixcore.gate import Gate
from qbrixcore.gate import Rule

EXPERIMENT = "0123456789abcdef0123456789abcdef"
ARMS = (
    DefinitionArm("a", "red"),
    DefinitionArm("b", "green"),
    DefinitionArm("c", "blue", active=False),
)
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)


def compiled(
    *rules: Rule,
    default: str | None = "a",
    experiment: str = EXPERIMENT,
    **more: object,
) -> CompiledGate:
    """A gate over an active red and green arm, and a blue one that is not."""
    gate = Gate(default_arm_id=default, rules=rules, **more)  # type: ignore[arg-type]
    return CompiledGate(gate, experiment, ARMS)


def at(text: str) -> float:
    """A moment given in ISO 8601, as seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()
