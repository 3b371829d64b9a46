"""How pools, experiments and gates are shown."""

from __future__ import annotations

from qbrixcli.resources.output import Field
from qbrixcli.resources.output import Row
from qbrixcli.resources.output import View
from qbrixcli.resources.output import at
from qbrixcli.resources.output import time_at

CREATED = Field("created", time_at("created_at"))
UPDATED = Field("updated", time_at("updated_at"))
ID = Field("id", at("id"))
NAME = Field("name", at("name"))


def _arms(pool: Row) -> list[Row]:
    arms = pool.get("arms") or []
    return list(arms)


def _active(pool: Row) -> str:
    arms = _arms(pool)
    active = sum(bool(arm.get("is_active", True)) for arm in arms)
    return f"{len(arms)}" if active == len(arms) else f"{active} of {len(arms)}"


def _state(experiment: Row) -> str:
    return "running" if experiment.get("enabled") else "paused"


def _pool(experiment: Row) -> object:
    return at("pool", "name")(experiment) or experiment.get("pool_id")


def _rollout(experiment: Row) -> str | None:
    gate = experiment.get("feature_gate")
    return gate and in_words(gate)


def _window(experiment: Row) -> str | None:
    seconds = experiment.get("reward_window_sec")
    return None if seconds is None else f"{seconds} s"


def in_words(gate: Row) -> str:
    """A gate in a few words."""
    if not gate.get("enabled", True):
        return "closed"
    share = f"{float(gate.get('rollout_percentage', 100)):g} %"
    rules = len(gate.get("rules") or ())
    return f"{share}, {rules} rules" if rules else share


_ARM_FIELDS = (
    Field("#", at("index"), right=True),
    ID,
    NAME,
    Field("active", at("is_active")),
    Field("metadata", at("metadata")),
)
ARM = View("arms", _ARM_FIELDS, _ARM_FIELDS)

POOL = View(
    "pools",
    columns=(ID, NAME, Field("arms", _active, right=True), UPDATED),
    lines=(ID, NAME, CREATED, UPDATED),
    inside=[(_arms, ARM)],
)

EXPERIMENT = View(
    "experiments",
    columns=(
        ID,
        NAME,
        Field("policy", at("policy")),
        Field("state", _state),
        Field("pool", _pool),
        Field("gate", _rollout),
        UPDATED,
    ),
    lines=(
        ID,
        NAME,
        Field("policy", at("policy")),
        Field("params", at("policy_params")),
        Field("state", _state),
        Field("pool", _pool),
        Field("pool id", at("pool_id")),
        Field("gate", _rollout),
        Field("window", _window),
        Field("default reward", at("default_reward")),
        Field("learner of", at("meta_experiment_id")),
        CREATED,
        UPDATED,
    ),
    inside=[(lambda row: _arms(row.get("pool") or {}), ARM)],
)


def _arm_of(name: str) -> Field:
    return Field("arm", lambda row: row.get(f"{name}_name") or row.get(f"{name}_id"))


_RULE_FIELDS = (
    Field("key", at("key")),
    Field("operator", at("operator")),
    Field("value", at("value")),
    _arm_of("arm"),
)
RULE = View("rules", _RULE_FIELDS, _RULE_FIELDS)
_TRIED_FIELDS = (
    *_RULE_FIELDS[:3],
    Field("matched", at("matched")),
    Field("decisive", at("decisive")),
)
TRIED = View("rules", _TRIED_FIELDS, _TRIED_FIELDS)


def _span(name: str) -> Field:
    def of(gate: Row) -> str | None:
        start, end = gate.get(f"{name}_start"), gate.get(f"{name}_end")
        return f"{start or ''} to {end or ''}".strip() if start or end else None

    return Field(name.replace("_", " "), of)


def _rules(gate: Row) -> list[Row]:
    return list(gate.get("rules") or [])


GATE = View(
    "gates",
    columns=(
        Field("experiment", at("experiment_id")),
        Field("name", at("experiment_name")),
        Field("lets in", in_words),
        UPDATED,
    ),
    lines=(
        Field("experiment", at("experiment_id")),
        Field("enabled", at("enabled")),
        Field("rollout", lambda row: f"{float(row['rollout_percentage']):g} %"),
        Field(
            "default arm",
            lambda row: row.get("default_arm_name") or row.get("default_arm_id"),
        ),
        _span("schedule"),
        _span("active_hours"),
        Field("timezone", at("timezone")),
        Field("version", at("version")),
        UPDATED,
    ),
    inside=[(_rules, RULE)],
    key="experiment_id",
)

EVALUATION = View(
    "evaluations",
    columns=(),
    lines=(
        Field("eligible", at("eligible")),
        Field("reason", at("reason")),
        _arm_of("arm"),
        Field("enabled", at("enabled")),
        Field("in schedule", at("in_schedule")),
        Field("in rollout", at("in_rollout")),
        Field("rollout", lambda row: f"{float(row['rollout_percentage']):g} %"),
    ),
    inside=[(_rules, TRIED)],
    key="reason",
)
