"""News of changes, healed when a message is lost."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from collections.abc import Sequence
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

    async def listen(self, topic: str) -> AsyncIterator[Change | None]:
        """Changed (tenant, experiment) pairs of a topic of ``keys``.

        Those of CREDENTIALS are (tenant, user), the user empty for all of the tenant.

        None means that anything may have changed, and comes first on every connection.
        Goes on for ever; while Redis is away it tries again.
        """
        channels = {
            self._layout.channel(shard, topic): shard
            for shard in range(self._layout.shards)
        }
        while True:
            try:
                async with self._client.subscribe(list(channels)) as subscription:
                    counters = await self._counters(topic)
                    yield None
                    feed = self._follow(topic, channels, counters, subscription)
                    async for change in feed:
                        yield change
            except Unavailable:
                await asyncio.sleep(RETRY_SEC * (1 + random.random()))

    async def announce(self, topic: str, pairs: Sequence[Change]) -> None:
        """Tell every listener of pairs that no script tells of. Raises Unavailable."""
        where = self._layout
        args = (keys.counter(topic), where.channel(0, topic), encode_changes(pairs))
        await self._client.call(_ANNOUNCE, [where.meta(0)], args)

    async def _follow(
        self,
        topic: str,
        channels: dict[str, int],
        seen: list[int],
        subscription: Subscription,
    ) -> AsyncIterator[Change | None]:
        """Changes until the counters prove that this subscription misses messages."""
        clock = asyncio.get_running_loop().time
        poll_at = clock() + self._poll_sec
        behind: list[int] = []
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
            if any(seen[shard] < counter for shard, counter in enumerate(behind)):
                return
            now = await self._counters(topic)
            if any(counter < seen[shard] for shard, counter in enumerate(now)):
                return
            # a message may still be on its way: give it a moment before giving it up
            late = now != seen and not behind
            behind = now if late else []
            poll_at = clock() + (GRACE_SEC if late else self._poll_sec)

    async def _counters(self, topic: str) -> list[int]:
        commands: list[Command] = [
            ("HGET", self._layout.meta(shard), keys.counter(topic))
            for shard in range(self._layout.shards)
        ]
        return [int(count or 0) for count in await self._client.pipeline(commands)]


def _parse(data: bytes) -> tuple[int, list[Change]]:
    counter, _, changes = data.partition(b" ")
    try:
        return int(counter), _CHANGES.decode(changes)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Unavailable(f"unreadable announcement: {error}") from error
