"""``qbrix select`` and ``qbrix feedback``."""

from __future__ import annotations

import asyncio
from typing import Any

from qbrixcli.resources.call import Call
from qbrixcli.resources.errors import Unavailable
from qbrixcli.resources.given import json_list
from qbrixcli.resources.given import json_object
from qbrixcli.resources.given import number
from qbrixcli.resources.tree import Branch

AGENT = ("api", "v1", "agent")
PAUSES_SEC = (0.5, 1.0, 2.0, 4.0)


def add_agent(top: Branch) -> None:
    """Deciding, and telling how it turned out."""
    chosen = top.add("select", "choose an arm", select, "experiment")
    add = chosen.add_argument
    add("--context-id", default="", metavar="ID", help="who comes")
    features = chosen.add_mutually_exclusive_group()
    features.add_argument(
        "--properties",
        type=json_object,
        metavar="JSON",
        help="features by name, a JSON object or @FILE",
    )
    features.add_argument(
        "--vector", type=json_list, metavar="JSON", help="features, a JSON array"
    )
    add(
        "--metadata",
        type=json_object,
        metavar="JSON",
        help="what gates look at, a JSON object or @FILE",
    )
    told = top.add("feedback", "tell how a choice turned out", feedback, "request_id")
    told.add_argument("reward", type=number, metavar="REWARD", help="a number")


async def select(call: Call) -> None:
    """``qbrix select``."""
    from qbrixcli.resources.other_views import CHOICE

    given = call.given
    context: dict[str, Any] = {"id": given.context_id}
    for name in ("properties", "vector", "metadata"):
        value = getattr(given, name)
        if value is not None:
            context[name] = value
    body = {"experiment_id": given.experiment, "context": context}
    call.out.record(CHOICE, await _patiently(call, "select", body))


async def feedback(call: Call) -> None:
    """``qbrix feedback``."""
    body = {"request_id": call.given.request_id, "reward": call.given.reward}
    call.out.said("accepted", await _patiently(call, "feedback", body))


async def _patiently(call: Call, what: str, body: dict[str, Any]) -> Any:
    """The answer, also of a system that is busy for some seconds."""
    for pause in PAUSES_SEC:
        try:
            return await call.api.post(*AGENT, what, body=body)
        except Unavailable:
            # then nothing was done, and it can be asked again
            await asyncio.sleep(pause)
    return await call.api.post(*AGENT, what, body=body)
