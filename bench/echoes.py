"""Echoes with one thing of a select added to each, to see what it costs by itself.

``select_body`` leaves out the second look for a body that has already come;
``waiting`` also waits, in a row with whoever came meanwhile, as selects wait for the
answer of a motor.
"""

from __future__ import annotations

import asyncio
from typing import Any
from typing import Final

import msgspec
from bench.echo import REPLY

from proxysvc.fast.body import Room
from proxysvc.fast.body import read_body
from proxysvc.fast.wire import SelectRequest

AWAY_SEC: Final = 0.0006  # about what a frame is on the way for under load

_ROOM: Final = Room()
_decode: Final = msgspec.json.Decoder(SelectRequest).decode
_encode: Final = msgspec.json.Encoder().encode
_START: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json")],
}


async def select_body(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """The echo, its body read as that of a select."""
    if scope["type"] == "http":
        await _read(scope, receive)
        await _answer(send)


class Waiting:
    """The same, after a wait that ends for all who wait at once."""

    def __init__(self) -> None:
        self._row: list[asyncio.Future[None]] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer when the row is let go."""
        if scope["type"] != "http":
            return
        await _read(scope, receive)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        if not self._row:
            loop.call_later(AWAY_SEC, self._let_go)
        self._row.append(turn)
        await turn
        await _answer(send)

    def _let_go(self) -> None:
        row, self._row = self._row, []
        for turn in row:
            if not turn.done():
                turn.set_result(None)


waiting: Final = Waiting()


async def _read(scope: dict[str, Any], receive: Any) -> None:
    headers = dict(scope["headers"])
    _decode(await read_body(receive, headers.get(b"content-length"), _ROOM))


async def _answer(send: Any) -> None:
    await send(_START)
    await send({"type": "http.response.body", "body": _encode(REPLY)})
