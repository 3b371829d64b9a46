"""Gates as protobuf messages, and back.

Fields are named as over REST, flat, whatever message they are in here.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Final
from typing import TypeVar

import msgspec

from proxysvc.gates.config import GateConfig
from proxysvc.gates.config import GatePatch
from proxysvc.grpc.values import from_text
from qbrixcore.errors import Invalid
from qbrixcore.gate import Gate
from qbrixproto import proxy_pb2 as proxy
from qbrixstore.postgres.records import ExperimentRecord

T = TypeVar("T")

MASKABLE: Final = frozenset(GatePatch.__struct_fields__) - {"default_arm_name"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE_MS: Final = timedelta(milliseconds=1)


def gate_config(message: proxy.FeatureGateConfig) -> GateConfig:
    """A whole gate. Raises Invalid."""
    return _checked(_fields(message), GateConfig)


def gate_patch(message: proxy.FeatureGateConfig, mask: Collection[str]) -> GatePatch:
    """The fields that a mask names, cleared where they are empty. Raises Invalid."""
    unknown = sorted(set(mask) - MASKABLE)
    if unknown:
        raise Invalid(f"update_mask has an unknown field: {unknown[0]}")
    fields = _fields(message, mask)
    return _checked({name: fields.get(name) for name in mask}, GatePatch)


def gate_message(record: ExperimentRecord) -> proxy.FeatureGateConfig | None:
    """The gate of an experiment, if it has one; values of rules are JSON texts."""
    if record.gate is None:
        return None
    gate = record.gate.gate
    return proxy.FeatureGateConfig(
        enabled=gate.enabled,
        rollout_percentage=gate.rollout_percentage,
        default_arm_id=gate.default_arm_id or "",
        schedule=_schedule(gate),
        active_hours=_active_hours(gate),
        timezone=gate.timezone,
        rules=[
            proxy.RuleConfig(
                key=rule.key,
                operator=rule.operator,
                value=msgspec.json.encode(rule.value).decode(),
                arm_id=rule.arm_id or "",
            )
            for rule in gate.rules
        ],
    )


def _checked(fields: dict[str, Any], kind: type[T]) -> T:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise Invalid(f"the gate is not valid: {error}") from error


def _fields(
    message: proxy.FeatureGateConfig, wanted: Collection[str] = MASKABLE
) -> dict[str, Any]:
    """What is set, and what this wire cannot tell from a default."""
    schedule, hours = message.schedule, message.active_hours
    fields: dict[str, Any] = {
        "enabled": message.enabled,
        "rollout_percentage": message.rollout_percentage,
        "default_arm_id": message.default_arm_id or None,
        "active_hours_start": hours.start or None,
        "active_hours_end": hours.end or None,
        "timezone": message.timezone or "UTC",
        "rules": [_rule(rule) for rule in message.rules],
    }
    # what a mask leaves out may be anything
    for name, ms in (
        ("schedule_start", schedule.start_timestamp_ms),
        ("schedule_end", schedule.end_timestamp_ms),
    ):
        if ms and name in wanted:
            fields[name] = _moment(name, ms)
    return fields


def _rule(rule: proxy.RuleConfig) -> dict[str, Any]:
    return {
        "key": rule.key,
        "operator": rule.operator,
        "value": from_text(rule.value),
        "arm_id": rule.arm_id or None,
    }


def _moment(name: str, ms: int) -> str:
    try:
        return (_EPOCH + ms * _ONE_MS).isoformat()
    except OverflowError as error:
        raise Invalid(f"{name} is out of range: {ms}") from error


def _schedule(gate: Gate) -> proxy.ScheduleConfig | None:
    if gate.schedule_start is None and gate.schedule_end is None:
        return None
    return proxy.ScheduleConfig(
        start_timestamp_ms=_ms(gate.schedule_start),
        end_timestamp_ms=_ms(gate.schedule_end),
    )


def _active_hours(gate: Gate) -> proxy.ActiveHoursConfig | None:
    if gate.active_hours_start is None and gate.active_hours_end is None:
        return None
    return proxy.ActiveHoursConfig(
        start=gate.active_hours_start, end=gate.active_hours_end
    )


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // _ONE_MS
