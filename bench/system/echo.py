"""Echoes: what Granian can do at best for a request of a select's size.

``app`` is a raw ASGI application that decodes the body of a select into the same struct
and encodes a reply of the same shape and size as select's, and does nothing else.
``select_body`` leaves out the second look for a body that has already come; ``waiting``
also waits, in a row with whoever came meanwhile, as selects wait for the answer of a
motor. Served as select is: Granian, uvloop, one worker, HTTP/1.1 keep-alive.

    python -m granian --interface asgi --loop uvloop --workers 1 bench.system.echo:app
"""

from __future__ import annotations

import asyncio
from typing import Any
from typing import Final

import msgspec

from proxysvc.fast.body import Room
from proxysvc.fast.body import read_body
from proxysvc.fast.wire import SelectedArm
from proxysvc.fast.wire import SelectReply
from proxysvc.fast.wire import SelectRequest

# as long as a real one: a token of a context-free selection
REQUEST_ID: Final = "ngGi" + "x" * 152
REPLY: Final = SelectReply(
    SelectedArm("0123456789abcdef0123456789abcdef", "arm-4", 4), REQUEST_ID, False
)
AWAY_SEC: Final = 0.0006  # about what a frame is on the way for under load

_ROOM: Final = Room()
_decode: Final = msgspec.json.Decoder(SelectRequest).decode
_encode: Final = msgspec.json.Encoder().encode
_START: Final = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"content-type", b"application/json")],
}


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer every request as if it were a select."""
    if scope["type"] != "http":
        return
    message = await receive()
    body: bytes = message["body"]
    while message.get("more_body"):
        message = await receive()
        body += message["body"]
    _decode(body)
    await _answer(send)


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
