"""``qbrix gate``."""

from __future__ import annotations

from argparse import ArgumentParser
from argparse import Namespace
from typing import Any

from qbrixcli.resources.call import Call
from qbrixcli.resources.errors import UsageError
from qbrixcli.resources.given import json_list
from qbrixcli.resources.given import json_object
from qbrixcli.resources.given import number
from qbrixcli.resources.secret import sure
from qbrixcli.resources.tree import Branch
from qbrixcli.resources.tree import asks
from qbrixcli.resources.tree import paged

GATES = ("api", "v1", "gates")
TEXTS = {
    "default_arm_id": "arm of those whom it does not let in, its id",
    "default_arm_name": "the same by its name",
    "schedule_start": "lets nobody in before, a date and time",
    "schedule_end": "lets nobody in after, a date and time",
    "active_hours_start": "lets in daily from, HH:MM",
    "active_hours_end": "lets in daily until, HH:MM",
    "timezone": "of the active hours, such as Europe/Istanbul",
}
CLEARED = tuple(name for name in TEXTS if name != "timezone")
NAMES = ("enabled", "rollout_percentage", *TEXTS, "rules")


def add_gate(top: Branch) -> None:
    """The commands of gates."""
    branch = top.group("gate", "gates: who is let in to an experiment")
    made = branch.add("create", "put a gate before an experiment", create, "experiment")
    _takes_gate(made)
    paged(branch.add("list", "list the experiments that have a gate", show_all))
    branch.add("get", "show the gate of an experiment", get, "experiment")
    changed = branch.add("update", "change what is given", update, "experiment")
    _takes_gate(changed)
    clear = "take a value away; repeat it"
    changed.add_argument(
        "--clear", action="append", default=[], choices=CLEARED, help=clear
    )
    text = "replace the whole gate, defaults for what is not given"
    _takes_gate(branch.add("replace", text, replace, "experiment"))
    text = "take the gate of an experiment away"
    gone = sure("delete the gate of experiment {experiment}")
    asks(branch.add("delete", text, delete, "experiment", prepare=gone))
    _add_evaluate(branch)


def _add_evaluate(branch: Branch) -> None:
    text = "show what a gate would decide, and why"
    add = branch.add("evaluate", text, evaluate, "experiment").add_argument
    add("--context-id", default="", metavar="ID", help="who comes")
    add(
        "--metadata",
        type=json_object,
        default={},
        metavar="JSON",
        help="what is known of them, a JSON object or @FILE",
    )


def _takes_gate(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--config", type=json_object, metavar="JSON", help="all of it, or @FILE")
    state = parser.add_mutually_exclusive_group()
    state.add_argument("--enabled", action="store_true", default=None, help="open it")
    state.add_argument(
        "--disabled", dest="enabled", action="store_false", help="close it"
    )
    add(
        "--rollout",
        dest="rollout_percentage",
        type=number,
        metavar="PERCENT",
        help="share of those let in, 0 to 100",
    )
    for name, text in TEXTS.items():
        option = name.removesuffix("_id").replace("_", "-")
        add(f"--{option}", dest=name, metavar="VALUE", help=text)
    add(
        "--rules",
        type=json_list,
        metavar="JSON",
        help="an array of {key, operator, value, arm_id or arm_name}, or @FILE",
    )


async def create(call: Call) -> None:
    """``qbrix gate create``."""
    _show(call, await call.api.post(*GATES, call.given.experiment, body=_given(call)))


async def show_all(call: Call) -> None:
    """``qbrix gate list``; gates are embedded in their experiments."""
    from qbrixcli.resources.experiment import EXPERIMENTS
    from qbrixcli.resources.paging import all_rows
    from qbrixcli.resources.views import GATE

    rows = await all_rows(call.api, *EXPERIMENTS, key="experiments")
    gates = [
        {**row["feature_gate"], "experiment_name": row["name"]}
        for row in rows
        if row.get("feature_gate")
    ]
    first, limit = call.given.offset, call.given.limit
    call.out.rows(GATE, gates[first : None if limit is None else first + limit])


async def get(call: Call) -> None:
    """``qbrix gate get``."""
    _show(call, await call.api.get(*GATES, call.given.experiment))


async def update(call: Call) -> None:
    """``qbrix gate update``."""
    body = {**_given(call), **dict.fromkeys(call.given.clear)}
    if not body:
        raise UsageError("nothing to change: see qbrix gate update --help")
    _show(call, await call.api.patch(*GATES, call.given.experiment, body=body))


async def replace(call: Call) -> None:
    """``qbrix gate replace``."""
    _show(call, await call.api.put(*GATES, call.given.experiment, body=_given(call)))


async def delete(call: Call) -> None:
    """``qbrix gate delete``."""
    call.message(await call.api.delete(*GATES, call.given.experiment))


async def evaluate(call: Call) -> None:
    """``qbrix gate evaluate``."""
    from qbrixcli.resources.views import EVALUATION

    given = call.given
    body = {"context_id": given.context_id, "context_metadata": given.metadata}
    answer = await call.api.post(*GATES, given.experiment, "evaluate", body=body)
    call.out.record(EVALUATION, answer)


def _given(call: Call) -> dict[str, Any]:
    return {**(call.given.config or {}), **_options(call.given)}


def _options(given: Namespace) -> dict[str, Any]:
    values = {name: getattr(given, name) for name in NAMES}
    return {name: value for name, value in values.items() if value is not None}


def _show(call: Call, answer: dict[str, Any]) -> None:
    from qbrixcli.resources.views import GATE

    call.out.record(GATE, answer)
