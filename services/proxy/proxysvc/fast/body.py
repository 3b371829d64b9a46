"""Request bodies: collected whole, bounded."""

from __future__ import annotations

from typing import Final

from proxysvc.fast.answers import Message
from proxysvc.fast.answers import Receive

MAX_BYTES: Final = 1 << 20
CUT_OFF: Final = "the body is cut off or malformed"


class TooLarge(Exception):
    """The body is longer than allowed."""


class Disconnected(Exception):
    """The body ended before it was complete, or its chunks are malformed."""


async def read_body(receive: Receive, length: bytes | None) -> bytes:
    """The whole body. Raises TooLarge, Disconnected."""
    if length is not None and length.isdigit() and int(length) > MAX_BYTES:
        raise TooLarge
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        return await _collect(receive, message)
    if len(body) > MAX_BYTES:
        raise TooLarge
    return body


async def _collect(receive: Receive, first: Message) -> bytes:
    parts = [first.get("body", b"")]
    size = len(parts[0])
    message = first
    while message.get("more_body"):
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BYTES:
            raise TooLarge
    return b"".join(parts)
