"""Bodies that come in parts take a bounded amount of memory, and not for ever."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from proxysvc.fast.arrival import Arrivals
from proxysvc.fast.arrival import TooSlow
from proxysvc.fast.body import MAX_BYTES
from proxysvc.fast.body import Disconnected
from proxysvc.fast.body import Room
from proxysvc.fast.body import TooLarge
from proxysvc.fast.body import read_body
from qbrixcore.errors import Overloaded

END: dict[str, Any] = {"type": "http.disconnect"}


class Sender:
    """Gives the parts of a body, each when it is told to."""

    def __init__(self, *parts: bytes) -> None:
        self.coming: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for part in parts:
            self.send(part)

    def send(self, part: bytes, more: bool = True) -> None:
        self.coming.put_nowait(
            {"type": "http.request", "body": part, "more_body": more}
        )

    def read(self, room: Room, length: int | None = None) -> asyncio.Task[bytes]:
        fields = {} if length is None else {"content-length": str(length)}
        return asyncio.create_task(read_body(self.coming.get, fields, room))


async def test_those_that_there_is_no_room_for_are_refused() -> None:
    room = Room(10)
    slow, other = Sender(b"1234"), Sender(b"1234")
    reading = [slow.read(room, 8), other.read(room)]
    await asyncio.sleep(0.01)
    assert room.left == 2
    with pytest.raises(Overloaded):
        await Sender(b"123").read(room)
    # what is there at once takes no room
    whole = Sender()
    whole.send(b"x" * 100, more=False)
    assert await whole.read(room) == b"x" * 100
    other.send(b"5", more=False)
    assert await reading[1] == b"12345"
    slow.send(b"5678")
    assert await reading[0] == b"12345678"
    assert room.left == 10


async def test_room_is_given_back_however_a_body_ends() -> None:
    room = Room(2 * MAX_BYTES)
    broken = Sender(b"1234")
    broken.coming.put_nowait(END)
    with pytest.raises(Disconnected):
        await broken.read(room)
    large = Sender(b"x" * MAX_BYTES, b"x")
    with pytest.raises(TooLarge):
        await large.read(room)
    late = Sender(b"1234").read(room)
    await asyncio.sleep(0.01)
    assert room.left == 2 * MAX_BYTES - 4
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert room.left == 2 * MAX_BYTES


async def test_a_hurry_cuts_off_what_waits_but_not_what_came_just_now() -> None:
    arrivals = Arrivals()
    never: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    body = asyncio.create_task(arrivals.in_time(never))
    await asyncio.sleep(0)
    arrivals.hurry()
    await asyncio.sleep(0)
    assert not body.done()
    arrivals.now += 1
    arrivals.hurry()
    with pytest.raises(TooSlow):
        await body
