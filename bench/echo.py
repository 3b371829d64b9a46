"""The echo: what Granian can do at best for a body of this size.

A raw ASGI application that decodes the body of a select into the same struct and
encodes a reply of the same shape and size as select's, and does nothing else. Served as
select is: Granian, uvloop, one worker, HTTP/1.1 keep-alive.

    python -m granian --interface asgi --loop uvloop --workers 1 bench.echo:app
"""

from __future__ import annotations

from typing import Any
from typing import Final

import msgspec

from proxysvc.fast.wire import SelectedArm
from proxysvc.fast.wire import SelectReply
from proxysvc.fast.wire import SelectRequest

# as long as a real one: a token of a context-free selection
REQUEST_ID: Final = "ngGi" + "x" * 152
REPLY: Final = SelectReply(
    SelectedArm("0123456789abcdef0123456789abcdef", "arm-4", 4), REQUEST_ID, False
)

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
    await send(_START)
    await send({"type": "http.response.body", "body": _encode(REPLY)})
