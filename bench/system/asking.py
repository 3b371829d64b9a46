"""Single calls of a system, where the answer counts."""

from __future__ import annotations

import json
from typing import Any

from bench.system.experiments import BATCH
from bench.system.experiments import context

from qbrixcli.demo.wire import Connection
from qbrixcli.demo.wire import Reply


async def ask(pipe: Connection, path: str, body: str) -> Reply:
    """The answer. Raises RuntimeError when it is an error."""
    reply = await pipe.post(path.encode(), body.encode())
    if reply.status not in (200, 201):
        raise RuntimeError(f"{path}: {reply.status} {reply.body.decode()}")
    return reply


def batch_body(experiment: str, count: int) -> str:
    """A batch of selects, each of another person."""
    people = [context(person=n) for n in range(count)]
    return json.dumps({"experiment_id": experiment, "contexts": people})


async def ask_batch(
    pipe: Connection, experiment: str, count: int
) -> list[dict[str, Any]]:
    """What so many were given. Raises RuntimeError."""
    reply = await ask(pipe, BATCH, batch_body(experiment, count))
    results: list[dict[str, Any]] = json.loads(reply.body)["results"]
    return results


def reward_body(token: object) -> str:
    """A reward for a selection."""
    return json.dumps({"request_id": token, "reward": 1})
