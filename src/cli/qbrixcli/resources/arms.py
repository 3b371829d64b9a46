"""``qbrix pool arms``, also while experiments run on the pool."""

from __future__ import annotations

from argparse import ArgumentParser
from argparse import Namespace
from typing import Any

from qbrixcli.resources.call import Call
from qbrixcli.resources.errors import UsageError
from qbrixcli.resources.given import arm_list
from qbrixcli.resources.given import json_object
from qbrixcli.resources.tree import Branch

POOLS = ("api", "v1", "pools")


def add_arms(pools: Branch) -> None:
    """The commands of the arms of a pool."""
    branch = pools.group("arms", "the arms of a pool")
    branch.add("list", "list the arms of a pool", show_all, "pool")
    takes_arms(branch.add("add", "add arms; what was learned is kept", add, "pool"))
    for name, text, run in (
        ("deactivate", "choose an arm no more", deactivate),
        ("reactivate", "choose an arm again", reactivate),
    ):
        branch.add(name, text, run, "pool", "arm")
    changed = branch.add(
        "describe", "give an arm another name or metadata", describe, "pool", "arm"
    )
    changed.add_argument("--name", help="the new name")
    changed.add_argument(
        "--metadata",
        type=json_object,
        metavar="JSON",
        help="all metadata, a JSON object or @FILE",
    )


def takes_arms(parser: ArgumentParser) -> None:
    """The options that name arms."""
    add = parser.add_argument
    add("--arm", action="append", default=[], metavar="NAME", help="an arm; repeat it")
    add(
        "--arms",
        type=arm_list,
        default=[],
        metavar="JSON",
        help="arms, a JSON array of names or of {name, metadata}, or @FILE",
    )


def given_arms(given: Namespace) -> list[dict[str, Any]]:
    """The arms that were named. Raises UsageError if none was."""
    arms = [*({"name": name} for name in given.arm), *given.arms]
    if not arms:
        raise UsageError("name the arms with --arm or --arms")
    return arms


async def show_all(call: Call) -> None:
    """``qbrix pool arms list``."""
    from qbrixcli.resources.views import ARM

    found = await call.api.get(*POOLS, call.given.pool)
    call.out.rows(ARM, found["arms"])


async def add(call: Call) -> None:
    """``qbrix pool arms add``."""
    from qbrixcli.resources.views import POOL

    body = {"arms": given_arms(call.given)}
    answer = await call.api.post(*POOLS, call.given.pool, "arms", body=body)
    call.out.record(POOL, answer)


async def deactivate(call: Call) -> None:
    """``qbrix pool arms deactivate``."""
    await _change(call, {"is_active": False})


async def reactivate(call: Call) -> None:
    """``qbrix pool arms reactivate``."""
    await _change(call, {"is_active": True})


async def describe(call: Call) -> None:
    """``qbrix pool arms describe``."""
    values = {"name": call.given.name, "metadata": call.given.metadata}
    changes = {name: value for name, value in values.items() if value is not None}
    if not changes:
        raise UsageError("nothing to change: give --name or --metadata")
    await _change(call, changes)


async def _change(call: Call, body: dict[str, object]) -> None:
    from qbrixcli.resources.views import ARM

    given = call.given
    answer = await call.api.patch(*POOLS, given.pool, "arms", given.arm, body=body)
    call.out.record(ARM, answer)
