"""Gates as callers write them, checked and brought into the form that is stored."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from typing import Annotated
from typing import Any
from typing import Final

import msgspec
from msgspec import UNSET
from msgspec import UnsetType

from proxysvc.gates.hours import find_zone
from proxysvc.gates.operators import ALIASES
from proxysvc.gates.operators import Operator
from proxysvc.inputs import LONGEST_NAME
from proxysvc.inputs import check_value
from qbrixcore.errors import Invalid
from qbrixcore.gate import Gate
from qbrixcore.gate import Rule
from qbrixcore.pool import Pool

MOST_RULES: Final = 200
MOST_RULE_BYTES: Final = 64 * 1024  # of all rules of a gate, as JSON
# the first and the last moment there are stand for infinity in the store
EARLIEST: Final = datetime.min.replace(tzinfo=UTC)
LATEST: Final = datetime.max.replace(tzinfo=UTC)
LARGEST: Final = 2**63  # what a number must stay below: larger ones change on their way

Percentage = Annotated[float, msgspec.Meta(ge=0, le=100)]
Moment = Annotated[
    str, msgspec.Meta(max_length=64, description="ISO 8601; without a zone it is UTC")
]
Clock = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^([01]\d|2[0-3]):[0-5]\d$", max_length=5, description="HH:MM"
    ),
]
Zone = Annotated[str, msgspec.Meta(max_length=64, description="IANA time zone")]


class RuleConfig(msgspec.Struct, frozen=True):
    """A condition on ``context.metadata``; its arm is named by id or by name."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
    operator: Operator
    value: Any = None
    arm_id: str | None = None
    arm_name: str | None = None


Rules = Annotated[list[RuleConfig], msgspec.Meta(max_length=MOST_RULES)]


class GateConfig(msgspec.Struct, frozen=True, kw_only=True):
    """A whole gate; what is absent has its default."""

    enabled: bool = True
    rollout_percentage: Percentage = 100.0
    default_arm_id: str | None = None
    default_arm_name: str | None = None
    schedule_start: Moment | None = None
    schedule_end: Moment | None = None
    active_hours_start: Clock | None = None
    active_hours_end: Clock | None = None
    timezone: Zone = "UTC"
    rules: Rules = []

    def __post_init__(self) -> None:
        _check(self)


class GatePatch(msgspec.Struct, frozen=True, kw_only=True):
    """Changes of a gate: what is absent stays, null clears, rules are replaced."""

    enabled: bool | UnsetType = UNSET
    rollout_percentage: Percentage | UnsetType = UNSET
    default_arm_id: str | None | UnsetType = UNSET
    default_arm_name: str | None | UnsetType = UNSET
    schedule_start: Moment | None | UnsetType = UNSET
    schedule_end: Moment | None | UnsetType = UNSET
    active_hours_start: Clock | None | UnsetType = UNSET
    active_hours_end: Clock | None | UnsetType = UNSET
    timezone: Zone | None | UnsetType = UNSET
    rules: Rules | None | UnsetType = UNSET

    def __post_init__(self) -> None:
        _check(self)


def patched(gate: Gate, patch: GatePatch) -> GateConfig:
    """The gate with the changes."""
    changes = {name: value for name, value in given(patch).items() if value is not None}
    kept = {
        name: value
        for name, value in _config_fields(gate).items()
        if name not in given(patch)
    }
    if "default_arm_name" in given(patch) and "default_arm_id" not in given(patch):
        kept.pop("default_arm_id")
    return GateConfig(**{**kept, **changes})


def given(patch: GatePatch) -> dict[str, Any]:
    """The fields that a patch sets, or clears with None."""
    fields = msgspec.structs.asdict(patch)
    return {name: value for name, value in fields.items() if value is not UNSET}


def resolve(config: GateConfig, pool: Pool) -> Gate:
    """The gate with the arms of a pool. Raises Invalid."""
    start, end = config.schedule_start, config.schedule_end
    opens = None if start is None else parse_moment(start)
    closes = None if end is None else parse_moment(end)
    if opens is not None and closes is not None and closes < opens:
        raise Invalid("schedule_end is before schedule_start")
    if len(msgspec.json.encode(config.rules)) > MOST_RULE_BYTES:
        raise Invalid(f"the rules are larger than {MOST_RULE_BYTES} bytes")
    default = _arm(pool, "default_arm", config.default_arm_id, config.default_arm_name)
    return Gate(
        enabled=config.enabled,
        default_arm_id=default,
        schedule_start=opens,
        schedule_end=closes,
        active_hours_start=config.active_hours_start,
        active_hours_end=config.active_hours_end,
        timezone=config.timezone,
        rollout_percentage=config.rollout_percentage,
        rules=tuple(
            _rule(rule, f"rules[{position}]", pool)
            for position, rule in enumerate(config.rules)
        ),
    )


def parse_moment(text: str) -> datetime:
    """A moment in UTC. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        moment = moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"no ISO 8601 date and time: {text!r}") from error
    if not EARLIEST < moment < LATEST:
        raise ValueError(f"out of range: {text!r}")
    return moment


def _check(config: GateConfig | GatePatch) -> None:
    for moment in (config.schedule_start, config.schedule_end):
        if isinstance(moment, str):
            parse_moment(moment)
    if isinstance(config.timezone, str):
        find_zone(config.timezone)


def _rule(rule: RuleConfig, place: str, pool: Pool) -> Rule:
    check_value(f"{place}.key", rule.key)
    check_value(f"{place}.value", rule.value)
    _check_numbers(f"{place}.value", rule.value)
    arm = _arm(pool, f"{place}.arm", rule.arm_id, rule.arm_name)
    spelling = ALIASES.get(rule.operator, rule.operator)
    return Rule(rule.key, spelling, rule.value, arm)


def _check_numbers(place: str, value: Any) -> None:
    if isinstance(value, int | float):
        if not -LARGEST < value < LARGEST:
            raise Invalid(f"{place} has a number of {LARGEST} or more")
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            _check_numbers(place, inner)


def _arm(pool: Pool, place: str, arm_id: str | None, name: str | None) -> str | None:
    """The id of the arm that is meant."""
    if arm_id is None and name is None:
        return None
    for arm in pool.arms:
        if arm_id in (None, arm.id) and name in (None, arm.name):
            return arm.id
    meant = {f"{place}_id": arm_id, f"{place}_name": name}
    shown = ", ".join(f"{key} {value}" for key, value in meant.items() if value)
    raise Invalid(f"no arm of the pool has {shown or f'a blank {place}'}")


def _config_fields(gate: Gate) -> dict[str, Any]:
    def text(moment: datetime | None) -> str | None:
        return None if moment is None else moment.isoformat()

    return {
        "enabled": gate.enabled,
        "rollout_percentage": gate.rollout_percentage,
        "default_arm_id": gate.default_arm_id,
        "schedule_start": text(gate.schedule_start),
        "schedule_end": text(gate.schedule_end),
        "active_hours_start": gate.active_hours_start,
        "active_hours_end": gate.active_hours_end,
        "timezone": gate.timezone,
        "rules": [
            RuleConfig(rule.key, rule.operator, rule.value, rule.arm_id)  # type: ignore[arg-type]
            for rule in gate.rules
        ],
    }
