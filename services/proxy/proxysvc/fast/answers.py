"""Answers of the hot path as ASGI messages, their fixed parts made once."""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import MutableMapping
from typing import Any
from typing import Final

import msgspec

from qbrixserving.errors import Code
from qbrixserving.errors import http_answer
from qbrixserving.errors import retry_after

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]
Answer = tuple[int, bytes, tuple[Header, ...]]  # status, body, more headers

JSON: Final[Header] = (b"content-type", b"application/json")
ALLOW_POST: Final[Header] = (b"allow", b"POST")
CLOSE: Final[Header] = (b"connection", b"close")

encode: Final = msgspec.json.Encoder().encode


class Envelope(msgspec.Struct):
    """Body of every error that is not a 422."""

    code: str
    detail: str
    context: Mapping[str, object] | None = None


async def send_json(
    send: Send, status: int, body: bytes, request_id: bytes, *more: Header
) -> None:
    """One complete answer."""
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [JSON, (b"x-request-id", request_id), *more],
        }
    )
    await send({"type": "http.response.body", "body": body})


async def send_refusal(
    send: Send, status: int, detail: str, request_id: bytes, *more: Header
) -> None:
    """An answer to what is wrong with the HTTP request itself."""
    body = encode(Envelope(Code.BAD_REQUEST, detail))
    await send_json(send, status, body, request_id, *more)


async def send_error(
    send: Send, error: BaseException, request_id: bytes, failed: Code
) -> None:
    """An error as its status and envelope; ``failed`` is the code of a 500."""
    status, code, detail, context = http_answer(error)
    if status == 500:
        code = failed
    body = encode(Envelope(code, detail, context))
    await send_json(send, status, body, request_id, *_wait(error))


async def send_plain(send: Send, status: int, body: bytes, *more: Header) -> None:
    """One complete answer whose request id is somebody else's to add."""
    headers = [JSON, *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_plain_error(send: Send, error: BaseException) -> None:
    """An error whose request id is somebody else's to add."""
    status, code, detail, context = http_answer(error)
    body = encode(Envelope(code, detail, context))
    await send_plain(send, status, body, *_wait(error))


def _wait(error: BaseException) -> tuple[Header, ...]:
    seconds = retry_after(error)
    if seconds is None:
        return ()
    return ((b"retry-after", str(seconds).encode()),)
