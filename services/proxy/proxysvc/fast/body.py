"""Request bodies: collected whole, bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final
from typing import Protocol

from proxysvc.asgi import Receive
from qbrixcore.errors import Overloaded

MAX_BYTES: Final = 1 << 20
MOST_ARRIVING: Final = 64 << 20  # bytes of all bodies that are not complete yet
CUT_OFF: Final = "the body is cut off or malformed"
NOT_JSON: Final = "the body must be application/json"
_JSON: Final = "application/json"
# stands for a field beyond ASCII, whose value the server keeps to itself
UNREADABLE: Final = b"?"


class Fields(Protocol):
    """The header fields of a request, by their names in lower case."""

    def get(self, name: str, /) -> str | None: ...

    def __contains__(self, name: str, /) -> bool: ...


def is_json(fields: Fields) -> bool:
    """Whether the body may be taken for JSON: it is said to be, or nothing is said."""
    kind = fields.get("content-type")
    if kind is None or kind == _JSON or fields.get("content-length") == "0":
        return True
    media = kind.partition(";")[0].strip().lower()
    return media == _JSON or (media[-5:] == "+json" and "/" in media)


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


def announced(fields: Fields) -> int:
    """How many bytes are to come, -1 if that is not said. Raises TooLarge."""
    length = fields.get("content-length")
    # the server takes it away from what is sent in chunks, which end by themselves
    if length is None or not length.isdecimal():
        return -1
    expected = int(length)
    if expected > MAX_BYTES:
        raise TooLarge
    return expected


async def read_body(receive: Receive, fields: Fields, room: Room) -> bytes:
    """The whole body as ASGI brings it. Raises TooLarge, Disconnected, Overloaded."""
    expected = announced(fields)
    message = await receive()
    if message["type"] != "http.request":
        raise Disconnected
    body: bytes = message.get("body", b"")
    # the server's word that this was all of it costs as much again as the body itself
    if message.get("more_body") and len(body) != expected:
        return await collect(_parts(receive, body), expected, room)
    if len(body) > MAX_BYTES:
        raise TooLarge
    return body


async def collect(parts: AsyncIterator[bytes], expected: int, room: Room) -> bytes:
    """What comes in ``parts``, of ``expected`` bytes in all if that is not -1.

    Nothing is read behind those. Raises TooLarge, Disconnected, Overloaded.
    """
    taken: list[bytes] = []
    size = 0
    try:
        async for part in parts:
            if size + len(part) > MAX_BYTES:
                raise TooLarge
            room.take(len(part))
            taken.append(part)
            size += len(part)
            if size == expected:
                break
        return b"".join(taken)
    finally:
        room.left += size


async def _parts(receive: Receive, first: bytes) -> AsyncIterator[bytes]:
    yield first
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise Disconnected
        yield message.get("body", b"")
        more = message.get("more_body", False)
