"""Select and feedback over REST, each repeated while the system asks for patience."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import msgspec

from qbrixcli.demo.errors import DemoError
from qbrixcli.demo.wire import Connection
from qbrixcli.demo.wire import Reply

SELECT = b"/api/v1/agent/select"
FEEDBACK = b"/api/v1/agent/feedback"
BUSY = (429, 503)
TRIES = 6
FIRST_PAUSE_SEC = 0.05


class Selected(NamedTuple):
    """One decision."""

    item: int
    request_id: str
    version: int | None
    """version of the params that decided"""
    seconds: float
    """from the call to its answer"""


class _Arm(msgspec.Struct):
    index: int


class _Selected(msgspec.Struct):
    arm: _Arm
    request_id: str


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(_Selected).decode


async def select(
    connection: Connection, experiment: str, visitor: str, features: dict[str, str]
) -> Selected:
    """A decision for a visitor. Raises DemoError if there is none."""
    context = {"id": visitor, "properties": features}
    body = _encode({"experiment_id": experiment, "context": context})
    started = time.perf_counter()
    reply = await _post(connection, SELECT, body, 200)
    seconds = time.perf_counter() - started
    choice = _decode(reply.body)
    version = reply.headers.get(b"x-param-version")
    return Selected(
        item=choice.arm.index,
        request_id=choice.request_id,
        version=None if version is None else int(version),
        seconds=seconds,
    )


async def feedback(connection: Connection, request_id: str, reward: int) -> None:
    """Tell how a decision turned out. Raises DemoError if it is not accepted."""
    body = _encode({"request_id": request_id, "reward": reward})
    await _post(connection, FEEDBACK, body, 201)


async def _post(connection: Connection, path: bytes, body: bytes, wanted: int) -> Reply:
    pause = FIRST_PAUSE_SEC
    for _ in range(TRIES):
        reply = await connection.post(path, body)
        if reply.status not in BUSY:
            break
        await asyncio.sleep(pause)
        pause *= 2
    if reply.status != wanted:
        text = reply.body.decode(errors="replace")
        raise DemoError(f"{path.decode()} answered {reply.status}: {text}")
    return reply
