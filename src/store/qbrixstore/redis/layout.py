"""The layout of the store: how many shards there are, as the store itself says."""

from __future__ import annotations

from typing import Self

import msgspec

from qbrixcore.errors import Unavailable
from qbrixstore.redis import keys
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script

_ENSURE = Script("layout")


class Layout(msgspec.Struct, frozen=True):
    """A numbered division into shards, named by every append and commit."""

    number: int = 1
    shards: int = 1

    @property
    def mark(self) -> str:
        """What the meta hash of every shard holds."""
        return f"{self.number}.{self.shards}"

    @classmethod
    async def ensure(cls, client: RedisClient, shards: int = 1) -> Self:
        """The layout in use; an empty store gets one of ``shards`` shards first.

        Raises Unavailable.
        """
        number, count = await client.call(_ENSURE, [keys.LAYOUT], [1, shards])
        layout = cls(int(number), int(count))
        await client.pipeline(
            [
                ("HSETNX", layout.meta(shard), "layout", layout.mark)
                for shard in range(layout.shards)
            ]
        )
        return layout

    @classmethod
    async def read(cls, client: RedisClient) -> Self:
        """The layout in use. Raises Unavailable, also when there is none yet."""
        number, count = await client.execute("HMGET", keys.LAYOUT, "number", "shards")
        if number is None or count is None:
            raise Unavailable("the store has no layout yet")
        return cls(int(number), int(count))

    def shard_of(self, experiment: str) -> int:
        return keys.shard_of(experiment, self.shards) if self.shards > 1 else 0

    def meta(self, shard: int) -> str:
        return keys.meta(self.number, shard)

    def log(self, shard: int) -> str:
        return keys.log(self.number, shard)

    def dead(self, shard: int) -> str:
        return keys.dead(self.number, shard)

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
