"""Selections and feedback as counted by the workers, on their way to Postgres."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import copy
from typing import Final

import msgspec

from qbrixstore.cells import HOUR_MS
from qbrixstore.cells import CellId
from qbrixstore.cells import Group
from qbrixstore.cells import Key
from qbrixstore.cells import Live
from qbrixstore.cells import live
from qbrixstore.redis import keys
from qbrixstore.redis.client import Argument
from qbrixstore.redis.client import Command
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.layout import Layout

_COUNT = Script("count")
_SETTLE = Script("settle")
_SKETCH = Script("sketch")

DAY_MS: Final = 86_400_000
HOURS_A_DAY: Final = DAY_MS // HOUR_MS
NUMBER_KEPT_MS: Final = DAY_MS  # longer than a worker tries to deliver one batch
COUNTS_KEPT_MS: Final = 30 * DAY_MS  # longer than Postgres may be away
DAYS_OF_CONTEXTS: Final = 35
DAYS_A_CALL: Final = 36
EVER: Final = "all"
FIELDS_INLINE: Final = 1_000  # more take longer than the loop may be held up


class Batch(msgspec.Struct, frozen=True):
    """Groups that are added together, and once: by their number.

    The numbers of an ``issuer`` grow; a batch is repeated until it was added, before
    the next one is sent.
    """

    issuer: str
    number: int
    groups: Sequence[Group]


class Counts:
    """The counts of every experiment. Every method raises Unavailable."""

    def __init__(self, client: RedisClient, layout: Layout) -> None:
        self.layout = layout
        self._client = client

    def shard_of(self, experiment: str) -> int:
        """Where an experiment is counted."""
        return self.layout.shard_of(experiment)

    async def add(self, batch: Batch) -> bool:
        """Whether it was new. After Unavailable it may have been added: repeat it.

        Each shard adds its groups by itself, and knows the number then.
        """
        layout = copy(self.layout)
        fresh = [
            await self._add(layout, shard, batch, groups)
            for shard, groups in layout.by_shard(batch.groups).items()
        ]
        return any(fresh)

    async def _add(
        self, layout: Layout, shard: int, batch: Batch, groups: Sequence[Group]
    ) -> bool:
        names = [
            keys.counter_of(layout.number, shard, batch.issuer),
            layout.meta(shard),
            keys.counted(layout.number, shard),
        ]
        args: list[Argument] = [
            layout.mark,
            batch.number,
            NUMBER_KEPT_MS,
            os.urandom(8).hex(),
            COUNTS_KEPT_MS,
            DAYS_OF_CONTEXTS * DAY_MS,
        ]
        for group in groups:
            key = (group.tenant, group.experiment)
            where = (layout.number, shard, *key)
            day = str(group.hour // HOURS_A_DAY)
            names += (
                keys.counts(*where),
                keys.contexts(*where, EVER),
                keys.contexts(*where, day),
            )
            args += (_member(key), group.hour, len(group.arms), len(group.contexts))
            for arm, cell in group.arms.items():
                args += (arm, msgspec.msgpack.encode(cell))
            args += group.contexts
        return bool(await self._client.call(_COUNT, names, args))

    async def ahead(self, shard: int, most: int) -> list[Key]:
        """Some experiments whose counts are ahead of Postgres."""
        name = keys.counted(self.layout.number, shard)
        found = await self._client.execute("SRANDMEMBER", name, most)
        return [_key(member) for member in found]

    @property
    def shards(self) -> range:
        """Every shard there is."""
        return range(self.layout.shards)

    async def read(self, pairs: Sequence[Key]) -> list[Live]:
        """What is counted of experiments. Raises CorruptState."""
        commands: list[Command] = [("HGETALL", self._counts(key)) for key in pairs]
        replies = await self._client.pipeline(commands)
        return [live(key, reply) for key, reply in zip(pairs, replies, strict=True)]

    async def settle(self, read: Live, over: Sequence[CellId]) -> None:
        """Postgres has the counts as read; those of hours that are over may go.

        What was counted since stays.
        """
        args: list[Argument] = [_member(read.key), read.revision]
        for one in over:
            args += (f"{one.hour}:{one.arm}", read.cells[one].raw)
        shard = self.shard_of(read.key[1])
        names = [keys.counted(self.layout.number, shard), self._counts(read.key)]
        await self._client.call(_SETTLE, names, args)

    async def forget(self, key: Key) -> None:
        """Drop the counts of an experiment that is no more."""
        name = keys.counted(self.layout.number, self.shard_of(key[1]))
        await self._client.pipeline(
            [
                ("UNLINK", self._counts(key)),
                ("UNLINK", self._ids(key, EVER)),
                ("SREM", name, _member(key)),
            ]
        )

    async def unique_contexts(self, key: Key, days: range | None = None) -> int:
        """About how many contexts were selected for, ever or in days since 1970.

        Standard error 0.81 %. Days are kept for 35 days.
        """
        if days is None:
            return int(await self._client.execute("PFCOUNT", self._ids(key, EVER)))
        names = [self._ids(key, str(day)) for day in days[-DAYS_A_CALL:]]
        return int(await self._client.execute("PFCOUNT", *names)) if names else 0

    async def merge_contexts(self, key: Key, sketch: bytes | None) -> bytes:
        """Add contexts that were sketched before; a sketch of all there were ever.

        It is empty when there were none.
        """
        spare = self._ids(key, f"spare:{os.urandom(8).hex()}")
        names = [self._ids(key, EVER), spare]
        merged: bytes = await self._client.call(_SKETCH, names, [sketch or b""])
        return merged

    def _counts(self, key: Key) -> str:
        shard = self.shard_of(key[1])
        return keys.counts(self.layout.number, shard, *key)

    def _ids(self, key: Key, day: str) -> str:
        shard = self.shard_of(key[1])
        return keys.contexts(self.layout.number, shard, *key, day)


def hour_of(moment_ms: int) -> int:
    """Hours since 1970."""
    return moment_ms // HOUR_MS


def _member(key: Key) -> str:
    return ":".join(key)


def _key(member: bytes) -> Key:
    tenant, _, experiment = member.decode().partition(":")
    return tenant, experiment
