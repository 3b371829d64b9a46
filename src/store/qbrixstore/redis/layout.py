"""The layout of the store: how many shards there are, as the store itself says."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable
from contextlib import suppress
from typing import Final
from typing import Protocol
from typing import Self
from typing import TypeVar

import msgspec

from qbrixcore.errors import Unavailable
from qbrixstore.redis import keys
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.refusals import LayoutMismatch

_PREPARE = Script("prepare")
FOLLOW_SEC: Final = 0.5


class OfExperiment(Protocol):
    """Anything that belongs to an experiment."""

    @property
    def experiment(self) -> str: ...


Q = TypeVar("Q", bound=OfExperiment)


class Layout(msgspec.Struct):
    """A numbered division into shards, named by every append and commit.

    ``incarnation`` is another one each time that an empty store is filled, so that
    nobody takes a refilled store for the one it knew.
    """

    number: int = 1
    shards: int = 1
    incarnation: str = ""

    @property
    def mark(self) -> str:
        """What the meta hash of every shard holds."""
        mark = f"{self.number}.{self.shards}"
        return f"{mark}.{self.incarnation}" if self.incarnation else mark

    @property
    def draining(self) -> str:
        """The mark of a shard that takes commits, and nothing new."""
        return f"{self.mark}/draining"

    @property
    def sealed(self) -> str:
        """The mark of a shard that takes nothing any more."""
        return f"{self.mark}/sealed"

    @classmethod
    async def ensure(cls, client: RedisClient, shards: int = 1) -> Self:
        """The layout in use; an empty store gets one of ``shards`` shards first.

        Raises Unavailable.
        """
        layout, opened = await cls.prepare(client, shards)
        if not opened:
            await layout.open(client)
        return layout

    @classmethod
    async def prepare(cls, client: RedisClient, shards: int = 1) -> tuple[Self, bool]:
        """The layout in use, or the one to be opened next; whether it is in use.

        A store without a layout takes what a layout to be opened writes, and nothing
        else: others wait for it to be opened. Raises Unavailable.
        """
        number, count, incarnation, opened = await client.call(
            _PREPARE, [keys.LAYOUT], [1, shards, secrets.token_hex(8)]
        )
        layout = cls(int(number), int(count), incarnation.decode())
        if not opened:
            await client.pipeline(
                [
                    ("HSET", layout.meta(shard), "layout", layout.mark)
                    for shard in range(layout.shards)
                ]
            )
        return layout, bool(opened)

    async def open(self, client: RedisClient) -> None:
        """Let everybody use it. Raises Unavailable."""
        fields = (self.number, "shards", self.shards, "incarnation", self.incarnation)
        await client.execute("HSET", keys.LAYOUT, "number", *fields)

    @classmethod
    async def read(cls, client: RedisClient) -> Self:
        """The layout in use. Raises Unavailable, also when there is none yet."""
        number, count, incarnation = await client.execute(
            "HMGET", keys.LAYOUT, "number", "shards", "incarnation"
        )
        if number is None or count is None:
            raise Unavailable("the store has no layout yet")
        return cls(int(number), int(count), (incarnation or b"").decode())

    async def check(self, client: RedisClient, shard: int) -> None:
        """Raises LayoutMismatch if a shard was emptied, or filled again, since."""
        mark = await client.execute("HGET", self.meta(shard), "layout")
        if mark is None or mark.decode() != self.mark:
            raise LayoutMismatch("the store was emptied or is divided anew")

    async def stands(self, client: RedisClient) -> bool:
        """Whether the store still has what it had, if in other shards.

        Raises Unavailable.
        """
        held = await client.execute("HGET", keys.LAYOUT, "incarnation")
        return held is not None and held.decode() == self.incarnation

    @staticmethod
    async def is_moving(client: RedisClient) -> bool:
        """Whether the store is to be divided anew. Raises Unavailable."""
        return bool(await client.execute("HEXISTS", keys.LAYOUT, "to"))

    async def follow(self, client: RedisClient) -> None:
        """Become the layout of a store filled again, or divided anew, for ever.

        Not for those who train: what they hold is of the old one. Whoever awaits
        anything between looking for a shard and using it needs a ``copy``.
        """
        while True:
            with suppress(Unavailable):
                now = await type(self).read(client)
                self.number, self.shards = now.number, now.shards
                self.incarnation = now.incarnation
            await asyncio.sleep(FOLLOW_SEC)

    def shard_of(self, experiment: str) -> int:
        return keys.shard_of(experiment, self.shards) if self.shards > 1 else 0

    def by_shard(self, items: Iterable[Q]) -> dict[int, list[Q]]:
        """What belongs to experiments, by where those are, in its order."""
        found: dict[int, list[Q]] = {}
        for item in items:
            found.setdefault(self.shard_of(item.experiment), []).append(item)
        return found

    def meta(self, shard: int) -> str:
        return keys.meta(self.number, shard)

    def log(self, shard: int) -> str:
        return keys.log(self.number, shard)

    def dead(self, shard: int) -> str:
        return keys.dead(self.number, shard)

    def choices(self, shard: int) -> str:
        return keys.choices(self.number, shard)

    def awaited(self, shard: int) -> str:
        return keys.awaited(self.number, shard)

    def lease(self, shard: int) -> str:
        return keys.lease(self.number, shard)

    def policies(self, shard: int) -> str:
        return keys.policies(self.number, shard)

    def learned(self, shard: int) -> str:
        return keys.learned(self.number, shard)

    def learned_at(self, shard: int) -> str:
        return keys.learned_at(self.number, shard)

    def channel(self, shard: int, topic: str) -> str:
        return keys.channel(self.number, shard, topic)

    def definition(self, tenant: str, experiment: str) -> str:
        shard = self.shard_of(experiment)
        return keys.definition(self.number, shard, tenant, experiment)

    def params(self, tenant: str, experiment: str) -> str:
        shard = self.shard_of(experiment)
        return keys.params(self.number, shard, tenant, experiment)
