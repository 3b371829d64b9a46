"""``qbrix experiment``."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from qbrixcli.resources.call import Call
from qbrixcli.resources.errors import UsageError
from qbrixcli.resources.given import count
from qbrixcli.resources.given import json_object
from qbrixcli.resources.given import number
from qbrixcli.resources.given import or_none
from qbrixcli.resources.secret import sure
from qbrixcli.resources.tree import Branch
from qbrixcli.resources.tree import asks
from qbrixcli.resources.tree import paged

EXPERIMENTS = ("api", "v1", "experiments")
PARAMS = "parameters of the policy, a JSON object or @FILE"
CHANGES = "--params, --enabled, --paused, --window or --default-reward"
NONE = "; none: not any more"
UNSAID = object()


def add_experiment(top: Branch) -> None:
    """The commands of experiments."""
    branch = top.group("experiment", "experiments: a policy on a pool")
    _add_create(branch)
    _add_list(branch)
    branch.add("get", "show an experiment", get, "experiment")
    changed = branch.add("update", "change an experiment", update, "experiment")
    changed.add_argument("--params", type=json_object, metavar="JSON", help=PARAMS)
    _takes_state(changed)
    _takes_window(changed.add_argument, or_none(count), or_none(number), NONE)
    branch.add("enable", "let an experiment run on", enable, "experiment")
    branch.add("disable", "pause an experiment", disable, "experiment")
    _add_forgetting(branch)


def _add_create(branch: Branch) -> None:
    text = "create an experiment that can be selected from at once"
    add = branch.add("create", text, create, "name").add_argument
    add("--pool", required=True, metavar="ID", help="the pool to choose from")
    add("--policy", help="a policy (qbrix policies), auto by default")
    add("--params", type=json_object, default={}, metavar="JSON", help=PARAMS)
    add("--paused", action="store_true", help="do not let it run yet")
    add("--gate", type=json_object, metavar="JSON", help="its gate, or @FILE")
    _takes_window(add, count, number)


def _add_list(branch: Branch) -> None:
    listed = branch.add("list", "list experiments, the newest first", show_all)
    paged(listed)
    listed.add_argument("--search", metavar="TEXT", help="part of a name, any case")
    _takes_state(listed)


def _add_forgetting(branch: Branch) -> None:
    forget = sure("forget what experiment {experiment} learned")
    text = "forget what a paused experiment learned"
    asks(branch.add("reset", text, reset, "experiment", prepare=forget))
    text = "list what an experiment once knew and can go back to"
    branch.add("versions", text, versions, "experiment")
    back = sure("take experiment {experiment} back to version {version}")
    text = "take an experiment back to what it once knew"
    rolled = branch.add("rollback", text, rollback, "experiment", prepare=back)
    rolled.add_argument(
        "--version", type=count, required=True, metavar="N", help="a kept version"
    )
    asks(rolled)
    gone = sure("delete experiment {experiment} and what it learned")
    text = "delete an experiment and what it learned"
    asks(branch.add("delete", text, delete, "experiment", prepare=gone))


def _takes_state(parser: Any) -> None:
    state = parser.add_mutually_exclusive_group()
    add = state.add_argument
    add("--enabled", action="store_true", default=None, help="running")
    add("--paused", dest="enabled", action="store_false", help="not running")


def _takes_window(
    add: Any, seconds: Callable[[str], Any], reward: Callable[[str], Any], or_: str = ""
) -> None:
    window = f"how long a reward is awaited{or_}"
    without = f"the reward to learn of a selection without any by then{or_}"
    add("--window", type=seconds, default=UNSAID, metavar="SEC", help=window)
    add("--default-reward", type=reward, default=UNSAID, metavar="R", help=without)


def _window(given: Namespace) -> dict[str, object]:
    window = {
        "reward_window_sec": given.window,
        "default_reward": given.default_reward,
    }
    return {name: value for name, value in window.items() if value is not UNSAID}


async def create(call: Call) -> None:
    """``qbrix experiment create``."""
    given = call.given
    body = {
        "name": given.name,
        "pool_id": given.pool,
        "policy": given.policy or "auto",
        "policy_params": given.params,
        "enabled": not given.paused,
        **_window(given),
    }
    if given.gate is not None:
        body["feature_gate"] = given.gate
    _show(call, await call.api.post(*EXPERIMENTS, body=body))


async def show_all(call: Call) -> None:
    """``qbrix experiment list``."""
    from qbrixcli.resources.views import EXPERIMENT

    given = call.given
    await call.page(
        EXPERIMENT,
        *EXPERIMENTS,
        key="experiments",
        search=given.search,
        enabled=given.enabled,
    )


async def get(call: Call) -> None:
    """``qbrix experiment get``."""
    _show(call, await call.api.get(*EXPERIMENTS, call.given.experiment))


async def update(call: Call) -> None:
    """``qbrix experiment update``."""
    await _change(call, _changes(call.given))


async def enable(call: Call) -> None:
    """``qbrix experiment enable``."""
    await _change(call, {"enabled": True})


async def disable(call: Call) -> None:
    """``qbrix experiment disable``."""
    await _change(call, {"enabled": False})


async def reset(call: Call) -> None:
    """``qbrix experiment reset``."""
    _show(call, await call.api.post(*EXPERIMENTS, call.given.experiment, "reset"))


async def rollback(call: Call) -> None:
    """``qbrix experiment rollback``."""
    body = {"version": call.given.version}
    answer = await call.api.post(
        *EXPERIMENTS, call.given.experiment, "rollback", body=body
    )
    _show(call, answer)


async def versions(call: Call) -> None:
    """``qbrix experiment versions``."""
    from qbrixcli.resources.other_views import VERSION

    answer = await call.api.get(*EXPERIMENTS, call.given.experiment, "versions")
    call.out.rows(VERSION, answer["versions"])


async def delete(call: Call) -> None:
    """``qbrix experiment delete``."""
    call.message(await call.api.delete(*EXPERIMENTS, call.given.experiment))


def _changes(given: Namespace) -> dict[str, object]:
    changes = {"enabled": given.enabled, "policy_params": given.params}
    found = {name: value for name, value in changes.items() if value is not None}
    found |= _window(given)
    if not found:
        raise UsageError(f"nothing to change: give {CHANGES}")
    return found


async def _change(call: Call, body: dict[str, object]) -> None:
    _show(call, await call.api.patch(*EXPERIMENTS, call.given.experiment, body=body))


def _show(call: Call, answer: dict[str, Any]) -> None:
    from qbrixcli.resources.views import EXPERIMENT

    call.out.record(EXPERIMENT, answer)
