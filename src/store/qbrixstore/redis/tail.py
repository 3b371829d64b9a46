"""What the decision log has not taken yet: read from the start, trimmed when it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from qbrixstore.redis.batch import Entry
from qbrixstore.redis.batch import following
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.layout import Layout

_TRIM = Script("trim")
ENTRIES_A_READ: Final = 64
START: Final = "0-0"
LAST: Final = "+"


class Tail:
    """The oldest entries of one stream of a shard; trimming is its only memory."""

    def __init__(
        self, client: RedisClient, layout: Layout, shard: int, stream: str, counter: str
    ) -> None:
        self._client = client
        self._layout = layout
        self._shard = shard
        self._stream = stream
        self._counter = counter

    @classmethod
    def of_log(cls, client: RedisClient, layout: Layout, shard: int) -> Tail:
        """Of the feedback log."""
        return cls(client, layout, shard, layout.log(shard), "trimmed")

    @classmethod
    def of_choices(cls, client: RedisClient, layout: Layout, shard: int) -> Tail:
        """Of the selections."""
        return cls(client, layout, shard, layout.choices(shard), "chosen_trimmed")

    async def length(self) -> int:
        """How many entries there are. Raises Unavailable."""
        return int(await self._client.execute("XLEN", self._stream))

    async def read(
        self, through: str = LAST, count: int = ENTRIES_A_READ, behind: str = START
    ) -> list[Entry]:
        """The oldest entries behind one id, up to and with another.

        Raises Unavailable.
        """
        if through == START:
            return []
        rows = await self._client.execute(
            "XRANGE", self._stream, f"({behind}", through, "COUNT", count
        )
        return [Entry(key.decode(), fields[1::2]) for key, fields in rows]

    async def trim(self, recorded: Sequence[Entry], fence: int) -> None:
        """Forget them. Raises Fenced, LayoutMismatch, Unavailable."""
        layout = self._layout
        events = sum(len(entry.events) for entry in recorded)
        await self._client.call(
            _TRIM,
            [self._stream, layout.meta(self._shard)],
            [layout.mark, fence, following(recorded[-1].id), self._counter, events],
        )
