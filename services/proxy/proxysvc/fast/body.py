"""Request bodies: collected whole, bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from proxysvc.fast.answers import Message
from proxysvc.fast.answers import Receive
from qbrixcore.errors import Overloaded

MAX_BYTES: Final = 1 << 20
MOST_ARRIVING: Final = 64 << 20  # bytes of all bodies that are not complete yet
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


class Room:
    """The memory for bodies that come in parts; beyond it they are refused."""

    def __init__(self, most: int = MOST_ARRIVING) -> None:
        self.left = most

    def take(self, size: int) -> None:
        """Raises Overloaded."""
        if size > self.left:
            raise Overloaded("too much is on its way here")
        self.left -= size


async def read_body(receive: Receive, length: bytes | None, room: Room) -> bytes:
    """The whole body, of ``length`` bytes if that is known and no longer.

    Raises TooLarge, Disconnected, Overloaded.
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
        return await _collect(receive, message, expected, room)
    if len(body) > MAX_BYTES:
        raise TooLarge
    return body


async def _collect(
    receive: Receive, first: Message, expected: int, room: Room
) -> bytes:
    parts: list[bytes] = []
    size = 0
    message = first
    try:
        while True:
            part: bytes = message.get("body", b"")
            if size + len(part) > MAX_BYTES:
                raise TooLarge
            room.take(len(part))
            parts.append(part)
            size += len(part)
            if not message.get("more_body") or size == expected:
                return b"".join(parts)
            message = await receive()
            if message["type"] != "http.request":
                raise Disconnected
    finally:
        room.left += size
