"""Recording selections and rewards: behind the training, before the log is trimmed.

What is in the streams and committed is written to the decision log, then trimmed. A
crash in between writes the same rows again, which changes nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from collections.abc import Sequence
from typing import Final

from cortexsvc import beside
from cortexsvc import rows
from cortexsvc.chronicle import Chronicle
from qbrixstore.redis.batch import Entry
from qbrixstore.redis.batch import milliseconds
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.consumer import RedisStreamConsumer
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.tail import LAST
from qbrixstore.redis.tail import Tail

IDLE_SEC: Final = 0.5


class Recorder:
    """Keeps the decision log of one shard level, for whoever owns the shard."""

    def __init__(
        self, client: RedisClient, layout: Layout, shard: int, chronicle: Chronicle
    ) -> None:
        self._source = source_of(layout, shard)
        self._log = Tail.of_log(client, layout, shard)
        self._choices = Tail.of_choices(client, layout, shard)
        self._chronicle = chronicle

    async def run(self, consumer: RedisStreamConsumer) -> None:
        """Follow what the consumer has committed, until cancelled."""
        await beside.repeat(
            self.step, consumer, IDLE_SEC, "decisions wait to be recorded"
        )

    async def step(self, consumer: RedisStreamConsumer) -> bool:
        """Whether there was anything to record. Raises Unavailable."""
        fence = consumer.fence
        rewards = await self._due(self._log, consumer.position)
        await self._record(self._log, rows.logged, rewards, fence)
        choices = await self._due(self._choices, LAST)
        await self._record(self._choices, rows.chosen, choices, fence)
        return bool(rewards or choices)

    async def _due(self, tail: Tail, through: str) -> list[Entry]:
        """The oldest entries, once they make a portion."""
        entries, seconds = self._chronicle.portion
        if seconds:
            first = await tail.read(through, 1)
            age = time.time() - milliseconds(first[0].id) / 1_000 if first else 0.0
            if age < seconds and await tail.length() < entries:
                return []
        return await tail.read(through, entries)

    async def _record(
        self,
        tail: Tail,
        rows_of: Callable[[str, Sequence[Entry]], rows.ByTable],
        entries: list[Entry],
        fence: int,
    ) -> None:
        if not entries:
            return
        found = await asyncio.to_thread(rows_of, self._source, entries)
        for table, of_table in found.items():
            if of_table:
                await self._chronicle.record(table, of_table)
        await tail.trim(entries, fence)


def source_of(layout: Layout, shard: int) -> str:
    """The streams of one shard of one layout, as the decision log calls them."""
    return f"{layout.mark}.{shard}"
