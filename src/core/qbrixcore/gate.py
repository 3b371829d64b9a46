"""A feature gate: who is left to the bandit, and what arm everybody else gets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """One condition on the metadata of a context; arms are ids of the pool."""

    key: str
    operator: str
    value: Any = None
    arm_id: str | None = None


class Gate(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked before the bandit, in the order of the fields.

    The percentage is from 0 to 100. Schedule bounds are moments with a zone; hours are
    ``HH:MM`` on the clocks of ``timezone``, an IANA name.
    """

    enabled: bool = True
    default_arm_id: str | None = None
    schedule_start: datetime | None = None
    schedule_end: datetime | None = None
    active_hours_start: str | None = None
    active_hours_end: str | None = None
    timezone: str = "UTC"
    rollout_percentage: float = 100.0
    rules: tuple[Rule, ...] = ()


def as_dict(gate: Gate) -> dict[str, Any]:
    """As definitions carry it: plain values, moments as ISO 8601."""
    made: dict[str, Any] = msgspec.to_builtins(gate)
    return made


def from_dict(values: dict[str, Any]) -> Gate:
    """From a definition, ignoring what this reader does not know.

    Raises msgspec.ValidationError.
    """
    return msgspec.convert(values, Gate)
