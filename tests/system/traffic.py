"""Many selects and feedbacks over REST, cheap enough not to starve the system."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from typing import NamedTuple

from tests.system.running import Up

from qbrixcli.demo.wire import Connection
from qbrixcli.demo.wire import Reply

SELECT = b"/api/v1/agent/select"
FEEDBACK = b"/api/v1/agent/feedback"


class Chosen(NamedTuple):
    """One selection."""

    token: str
    arm: int
    version: int


@asynccontextmanager
async def connections(up: Up, count: int) -> AsyncIterator[list[Connection]]:
    """So many connections to a running system."""
    made = up.credentials
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                Connection(made["http_url"], made["api_key"])
            )
            for _ in range(count)
        ]


async def select(connection: Connection, experiment: str, user: object) -> Chosen:
    """A selection for a user."""
    body = {"experiment_id": experiment, "context": {"id": str(user)}}
    reply = await connection.post(SELECT, json.dumps(body).encode())
    assert reply.status == 200, reply.body
    found = json.loads(reply.body)
    version = int(reply.headers[b"x-param-version"])
    return Chosen(found["request_id"], found["arm"]["index"], version)


async def feedback(connection: Connection, token: str, reward: float) -> Reply:
    """A reward, sent once."""
    body = {"request_id": token, "reward": reward}
    return await connection.post(FEEDBACK, json.dumps(body).encode())


async def acknowledged(connection: Connection, token: str, reward: float) -> None:
    """A reward, sent until it is acknowledged."""
    while True:
        reply = await feedback(connection, token, reward)
        if reply.status == 201:
            return
        assert reply.status in (429, 503), reply.body
        await asyncio.sleep(0.02)
