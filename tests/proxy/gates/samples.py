"""Gates to test with."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from typing import Any

from proxysvc.gates.compiled import CompiledGate
from qbrixcore.definition import DefinitionArm
from qbrixcore.gate import Gate
from qbrixcore.gate import Rule

FIELDS = {
    "experiment_id",
    "enabled",
    "rollout_percentage",
    "default_arm_id",
    "default_arm_name",
    "schedule_start",
    "schedule_end",
    "active_hours_start",
    "active_hours_end",
    "timezone",
    "rules",
    "created_at",
    "updated_at",
    "version",
}

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


def full(red: str) -> dict[str, Any]:
    """A gate over REST with a value in every field."""
    return {
        "enabled": True,
        "rollout_percentage": 25.5,
        "default_arm_id": red,
        "schedule_start": "2026-01-01T00:00:00",
        "schedule_end": "2030-01-01T01:00:00+01:00",
        "active_hours_start": "22:00",
        "active_hours_end": "06:30",
        "timezone": "America/New_York",
        "rules": [{"key": "plan", "operator": "in", "value": ["pro", None, 1.5]}],
    }
