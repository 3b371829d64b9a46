"""Dead letters: events that could not be learned, each with the reason."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Sequence
from typing import Final

import msgspec

from qbrixcore.errors import InvalidFeedback
from qbrixstore.redis.batch import following
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.event import LogEvent
from qbrixstore.redis.event import decode_many
from qbrixstore.redis.layout import Layout

_REQUEUE = Script("requeue")
READ_AT_ONCE: Final = 500
MOVED_AT_ONCE: Final = 500


class Letter(msgspec.Struct, frozen=True):
    """A dead letter; its event, None if unreadable, was at ``place`` in the log."""

    id: str
    shard: int
    place: str
    reason: str
    event: LogEvent | None


class DeadLetters:
    """The dead letters of all shards."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self._client = client
        self._layout = layout

    async def all(self) -> AsyncIterator[Letter]:
        """Every letter, shard by shard, the oldest first. Raises Unavailable."""
        for shard in range(self._layout.shards):
            start = "-"
            while rows := await self._client.execute(
                "XRANGE", self._layout.dead(shard), start, "+", "COUNT", READ_AT_ONCE
            ):
                for id_, fields in rows:
                    yield _letter(id_.decode(), shard, fields)
                start = following(rows[-1][0].decode())

    async def requeue(self, letters: Sequence[Letter]) -> int:
        """Put the events into the log again, behind all others, and forget the letters.

        Each once, also if asked again. Returns how many were still there.
        Raises Unavailable.
        """
        return await self._take(letters, requeue=True)

    async def drop(self, letters: Sequence[Letter]) -> int:
        """Forget them. Returns how many were still there. Raises Unavailable."""
        return await self._take(letters, requeue=False)

    async def _take(self, letters: Sequence[Letter], requeue: bool) -> int:
        layout, taken = self._layout, 0
        for shard in range(layout.shards):
            ids = [letter.id for letter in letters if letter.shard == shard]
            names = [layout.meta(shard), layout.log(shard), layout.dead(shard)]
            for start in range(0, len(ids), MOVED_AT_ONCE):
                some = ids[start : start + MOVED_AT_ONCE]
                taken += await self._client.call(
                    _REQUEUE, names, [layout.mark, int(requeue), *some]
                )
        return taken


def _letter(id_: str, shard: int, fields: list[bytes]) -> Letter:
    held = dict(zip(fields[::2], fields[1::2], strict=True))
    (event,) = decode_many([held[b"event"]])
    return Letter(
        id=id_,
        shard=shard,
        place=f"{held[b'id'].decode()}:{held[b'offset'].decode()}",
        reason=held[b"reason"].decode(errors="replace"),
        event=None if isinstance(event, InvalidFeedback) else event,
    )
