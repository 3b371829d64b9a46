"""News of changes, healed when a message is lost."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from collections.abc import Sequence
from copy import copy
from typing import Final

import msgspec

from qbrixcore.errors import Unavailable
from qbrixstore.redis import keys
from qbrixstore.redis.client import Command
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.client import Subscription
from qbrixstore.redis.layout import Layout

Change = tuple[str, str]

_ANNOUNCE = Script("announce")
_CHANGES = msgspec.msgpack.Decoder(list[Change])
POLL_SEC: Final = 0.5
GRACE_SEC: Final = 0.1
RETRY_SEC: Final = 0.25


def encode_changes(pairs: Sequence[Change]) -> bytes:
    """Payload naming changed (tenant, experiment) pairs."""
    return msgspec.msgpack.encode(pairs)


class Changes:
    """Listens to the announcements of all shards.

    Every announcement carries the shard's change counter. A gap in it, a new
    connection, or a counter that runs ahead of the announcements mean that something
    was missed.
    """

    def __init__(
        self, client: RedisClient, layout: Layout, poll_sec: float = POLL_SEC
    ) -> None:
        self._client = client
        self._layout = layout
        self._poll_sec = poll_sec
        self._began = time.monotonic()
        self._level: dict[str, float] = {}

    def age(self, topic: str) -> float:
        """Seconds since its listener was last known to have been told of everything.

        About the time between two polls while Redis answers; it grows while that is
        away, from the start on if it was never reached.
        """
        return time.monotonic() - self._level.get(topic, self._began)

    async def listen(self, topic: str) -> AsyncIterator[Change | None]:
        """Changed (tenant, experiment) pairs of a topic of ``keys``.

        Those of CREDENTIALS are (tenant, user), the user empty for all of the tenant.

        None means that anything may have changed, and comes first on every connection.
        Goes on for ever; while Redis is away it tries again.
        """
        while True:
            layout = copy(self._layout)
            channels = {
                layout.channel(shard, topic): shard for shard in range(layout.shards)
            }
            try:
                async with self._client.subscribe(list(channels)) as subscription:
                    counters = await self._counters(layout, topic)
                    yield None
                    feed = self._follow(topic, layout, channels, counters, subscription)
                    async for change in feed:
                        yield change
            except Unavailable:
                await asyncio.sleep(RETRY_SEC * (1 + random.random()))

    async def announce(self, topic: str, pairs: Sequence[Change]) -> None:
        """Tell every listener of pairs that no script tells of.

        Raises Unavailable, also while those who listen may do so elsewhere.
        """
        where = self._layout
        told = (keys.counter(topic), where.channel(0, topic), encode_changes(pairs))
        await self._client.call(_ANNOUNCE, [where.meta(0)], (where.mark, *told))

    async def _follow(
        self,
        topic: str,
        layout: Layout,
        channels: dict[str, int],
        seen: list[int],
        subscription: Subscription,
    ) -> AsyncIterator[Change | None]:
        """Changes until the counters prove that this subscription misses messages.

        Or until there is another layout, with counters and channels of its own.
        """
        clock = asyncio.get_running_loop().time
        poll_at = clock() + self._poll_sec
        behind: list[int] = []
        asked = self._began
        while True:
            message = await subscription.next(poll_at - clock())
            if message is not None:
                shard, (counter, changes) = channels[message[0]], _parse(message[1])
                if counter == seen[shard] + 1:
                    for change in changes:
                        yield change
                elif counter > seen[shard]:
                    yield None
                seen[shard] = max(counter, seen[shard])
            if clock() < poll_at:
                continue
            if (layout.number, layout.shards) != (
                self._layout.number,
                self._layout.shards,
            ):
                return
            if any(seen[shard] < counter for shard, counter in enumerate(behind)):
                return
            if behind:
                self._level[topic] = asked
            asked = time.monotonic()
            now = await self._counters(layout, topic)
            if any(counter < seen[shard] for shard, counter in enumerate(now)):
                return
            # a message may still be on its way: give it a moment before giving it up
            late = now != seen and not behind
            behind = now if late else []
            if now == seen:
                self._level[topic] = asked
            poll_at = clock() + (GRACE_SEC if late else self._poll_sec)

    async def _counters(self, layout: Layout, topic: str) -> list[int]:
        commands: list[Command] = [
            ("HGET", layout.meta(shard), keys.counter(topic))
            for shard in range(layout.shards)
        ]
        return [int(count or 0) for count in await self._client.pipeline(commands)]


def _parse(data: bytes) -> tuple[int, list[Change]]:
    counter, _, changes = data.partition(b" ")
    try:
        return int(counter), _CHANGES.decode(changes)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Unavailable(f"unreadable announcement: {error}") from error
