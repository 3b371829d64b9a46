"""Echoes: what Granian can do at best for a request of a select's size.

``app`` is a raw ASGI application that decodes the body of a select into the same struct
and encodes a reply of the same shape and size as select's, and does nothing else.
``direct`` is the same in the words of RSGI, as select is served. ``waiting`` also
waits, in a row with whoever came meanwhile, as selects wait for the answer of a motor.
Served as select is: Granian, uvloop, one worker, HTTP/1.1 keep-alive.

    python -m granian --interface asgi --loop uvloop --workers 1 bench.system.echo:app
    python -m granian --interface rsgi ... bench.system.echo:direct
"""

from __future__ import annotations

import asyncio
from typing import Any
from typing import Final

import msgspec

from proxysvc.fast.body import Room
from proxysvc.fast.direct import read_body
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
FIELDS: Final = [("content-type", "application/json")]


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
    await send(_START)
    await send({"type": "http.response.body", "body": _encode(REPLY)})


async def direct(asked: Any, protocol: Any) -> None:
    """The same, its body brought by one call and its answer taken by one."""
    await _read(asked, protocol)
    protocol.response_bytes(200, FIELDS, _encode(REPLY))


class Waiting:
    """The same, after a wait that ends for all who wait at once."""

    def __init__(self) -> None:
        self._row: list[asyncio.Future[None]] = []

    async def __call__(self, asked: Any, protocol: Any) -> None:
        """Answer when the row is let go."""
        await _read(asked, protocol)
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        if not self._row:
            loop.call_later(AWAY_SEC, self._let_go)
        self._row.append(turn)
        await turn
        protocol.response_bytes(200, FIELDS, _encode(REPLY))

    def _let_go(self) -> None:
        row, self._row = self._row, []
        for turn in row:
            if not turn.done():
                turn.set_result(None)


waiting: Final = Waiting()


async def _read(asked: Any, protocol: Any) -> None:
    _decode(await read_body(protocol, asked.headers, _ROOM))
