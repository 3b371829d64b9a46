"""Request bodies: collected whole, bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxysvc.fast.answers import Message
from proxysvc.fast.answers import Receive

MAX_BYTES: Final = 1 << 20
CUT_OFF: Final = "the body is cut off or malformed"
NOT_JSON: Final = "the body must be application/json"
_JSON: Final = b"application/json"


def is_json(headers: Mapping[bytes, bytes]) -> bool:
    """Whether the body may be taken for JSON: it is said to be, or nothing is said."""
    kind = headers.get(b"content-type", _JSON)
    if kind == _JSON or headers.get(b"content-length") == b"0":
        return True
    media = kind.partition(b";")[0].strip().lower()
    return media == _JSON or (media[-5:] == b"+json" and b"/" in media)


class TooLarge(Exception):
    """The body is longer than allowed."""


class Disconnected(Exception):
    """The body ended before it was complete, or its chunks are malformed."""


async def read_body(receive: Receive, length: bytes | None) -> bytes:
    """The whole body, of ``length`` bytes if that is known and no longer.

    Raises TooLarge, Disconnected.
    """
    expected = int(length) if length is not None and length.isdigit() else -1
    if expected > MAX_BYTES:
        raise TooLarge
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    body: bytes = message.get("body", b"")
    # the server's word that this was all of it costs as much again as the body itself
    if message.get("more_body") and len(body) != expected:
        return await _collect(receive, message, expected)
    if len(body) > MAX_BYTES:
        raise TooLarge
    return body


async def _collect(receive: Receive, first: Message, expected: int) -> bytes:
    parts = [first.get("body", b"")]
    size = len(parts[0])
    message = first
    while message.get("more_body") and size != expected:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BYTES:
            raise TooLarge
    return b"".join(parts)
