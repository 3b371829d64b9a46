"""``qbrix policies``, ``qbrix insight`` and ``qbrix audit``: what can only be read."""

from __future__ import annotations

from typing import Any

from qbrixcli.resources.call import Call
from qbrixcli.resources.errors import ClientError
from qbrixcli.resources.errors import Unavailable
from qbrixcli.resources.given import moment
from qbrixcli.resources.tree import Branch
from qbrixcli.resources.tree import paged

API = ("api", "v1")
PARTS = ("redis", "motor", "cortex")
REWARDS = ("binary", "bounded", "continuous")


def add_lookup(top: Branch) -> None:
    """The commands that only read."""
    top.add("runtime", "show how the parts of the system do", runtime)
    listed = top.add("policies", "list the policies, or show one", policies)
    add = listed.add_argument
    add("name", nargs="?", metavar="NAME", help="show this one and its parameters")
    add("--reward-type", choices=REWARDS, help="only those for such rewards")
    seen = top.add("insight", "show what an experiment did", insight, "experiment")
    add = seen.add_argument
    add("--start", type=moment, metavar="TIME", help="from this date and time on")
    add("--end", type=moment, metavar="TIME", help="until this date and time")
    changes = top.add("audit", "list who changed what, the newest first", audit)
    paged(changes)
    changes.add_argument(
        "--of", metavar="ID", help="only changes of the thing with this id"
    )


async def runtime(call: Call) -> None:
    """``qbrix runtime``; a part that is not well is a row like the others."""
    from qbrixcli.resources.other_views import PART

    rows = [await _part(call, name) for name in PARTS]
    call.out.rows(PART, rows)


async def _part(call: Call, name: str) -> dict[str, Any]:
    try:
        answer = dict(await call.api.get(*API, "runtime", name, "health"))
        if name == "redis":
            size = await call.api.get(*API, "runtime", "redis", "stream", "size")
            answer["waiting"] = size["len"]
    except Unavailable as error:
        return {"service": name, "status": str(error)}
    return answer


async def policies(call: Call) -> None:
    """``qbrix policies``."""
    from qbrixcli.resources.other_views import POLICY

    given = call.given
    found = await call.api.get(*API, "policies", reward_type=given.reward_type)
    if given.name is None:
        call.out.rows(POLICY, found["policies"])
        return
    for policy in found["policies"]:
        if policy["name"] == given.name:
            call.out.record(POLICY, policy)
            return
    raise ClientError(f"no such policy: {given.name}, see qbrix policies")


async def insight(call: Call) -> None:
    """``qbrix insight``."""
    from qbrixcli.resources.other_views import INSIGHT

    given = call.given
    span = {"start_ms": _ms(given.start), "end_ms": _ms(given.end)}
    path = (*API, "insight", "experiment", given.experiment)
    whole: dict[str, Any] = await call.api.get(*path, **span)
    arms = await call.api.get(*path, "arms", **span)
    call.out.record(INSIGHT, {**whole, **arms})


async def audit(call: Call) -> None:
    """``qbrix audit``."""
    from qbrixcli.resources.other_views import ENTRY

    await call.page(ENTRY, *API, "audit", key="entries", subject_id=call.given.of)


def _ms(time: Any) -> int | None:
    return None if time is None else round(time.timestamp() * 1_000)
