"""How choices, policies, figures and changes are shown."""

from __future__ import annotations

import json

from qbrixcli.resources.output import Field
from qbrixcli.resources.output import Row
from qbrixcli.resources.output import View
from qbrixcli.resources.output import at
from qbrixcli.resources.output import time_at
from qbrixcli.resources.output import when
from qbrixcli.resources.views import NAME

_CHOICE = (
    Field("arm", at("arm", "name")),
    Field("arm id", at("arm", "id")),
    Field("index", at("arm", "index")),
    Field("default", at("is_default")),
    Field("request id", at("request_id")),
)
CHOICE = View("choices", columns=_CHOICE, lines=_CHOICE, key="request_id")


def _constraints(param: Row) -> str:
    signs = {"gt": ">", "gte": "≥", "lt": "<", "lte": "≤"}
    bounds = param.get("constraints") or {}
    return ", ".join(f"{signs.get(k, k)} {v:g}" for k, v in bounds.items())


def _params(policy: Row) -> list[Row]:
    return list(policy.get("user_params") or [])


def _default(param: Row) -> str | None:
    value = param.get("default")
    return None if value is None else json.dumps(value)


_PARAM = (
    Field("parameter", at("name")),
    Field("type", at("type")),
    Field("required", at("required")),
    Field("default", _default),
    Field("bounds", _constraints),
    Field("meaning", at("description")),
)
PARAM = View("parameters", columns=_PARAM, lines=_PARAM)
_POLICY = (
    NAME,
    Field("category", at("category")),
    Field("rewards", at("reward_types")),
    Field("meaning", at("description")),
)
POLICY = View(
    "policies",
    columns=_POLICY,
    lines=_POLICY,
    inside=[(_params, PARAM)],
    key="name",
)

_VERSION = (
    Field("version", at("version"), right=True),
    Field("generation", at("generation"), right=True),
    Field("learned", at("updates"), right=True),
    Field("kept", time_at("created_at")),
)
VERSION = View("versions", columns=_VERSION, lines=_VERSION, key="version")

_PART = (
    Field("part", at("service")),
    Field("status", at("status")),
    Field("waiting to be learned", at("waiting"), right=True),
)
PART = View("parts", columns=_PART, lines=_PART, key="service")

_ENTRY = (
    Field("when", time_at("created_at")),
    Field("action", at("action")),
    Field("of", at("subject_id")),
    Field("user", at("user_id")),
    Field("key", at("key_id")),
    Field("changes", at("changes")),
)
ENTRY = View("changes", columns=_ENTRY, lines=_ENTRY)


def _moment(name: str) -> Field:
    def of(row: Row) -> str | None:
        value = row.get(f"{name}_ms")
        return None if value is None else when(value / 1_000)

    return Field(name.replace("_", " "), of)


def _arms(insight: Row) -> list[Row]:
    return list(insight.get("arms") or [])


_ARM = (
    Field("#", at("arm_index"), right=True),
    Field("arm", at("arm_name")),
    Field("selections", at("selections"), right=True),
    Field("feedback", at("feedback_count"), right=True),
    Field("mean reward", at("avg_reward"), right=True),
    Field("learned", at("pulls"), right=True),
)
ARM = View("arms", columns=_ARM, lines=_ARM)
INSIGHT = View(
    "figures",
    columns=(),
    lines=(
        Field("selections", at("total_selections")),
        Field("by a gate or while paused", at("default_selections")),
        Field("feedback", at("total_feedback")),
        Field("unique contexts", at("unique_contexts")),
        Field("mean reward", at("avg_reward")),
        Field("learned", at("learned_feedback")),
        Field("waiting to be learned", at("waiting_feedback")),
        _moment("first_selection"),
        _moment("last_selection"),
    ),
    inside=[(_arms, ARM)],
    key="experiment_id",
)
