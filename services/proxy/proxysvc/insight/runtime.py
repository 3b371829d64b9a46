"""How the parts of the system that the proxy depends on are doing."""

from __future__ import annotations

import asyncio

from proxysvc import scopes
from proxysvc.stream.client import MotorClient
from qbrixcore.errors import Unavailable
from qbrixstore.postgres.principal import Principal
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.layout import Layout


class RuntimeService:
    """Each method returns when all is well. Raises InsufficientScopes, Unavailable."""

    def __init__(self, client: RedisClient, layout: Layout, motor: MotorClient) -> None:
        self._client = client
        self._layout = layout
        self._motor = motor

    async def redis(self, caller: Principal) -> None:
        """Redis answers."""
        scopes.require(caller, scopes.METRIC_READ)
        await self._client.ping()

    async def motor(self, caller: Principal) -> bool:
        """Whether all motors answer and would take selects; one of them does."""
        scopes.require(caller, scopes.METRIC_READ)
        known, well = await self._motor.health()
        if not well:
            raise Unavailable("no motor answers and takes selects")
        return well == known

    async def cortex(self, caller: Principal) -> None:
        """Every part of the feedback log has an owner that learns from it.

        An owner that was killed is missed when its lease ends, after three seconds.
        """
        scopes.require(caller, scopes.METRIC_READ)
        shards = range(self._layout.shards)
        owners = await self._client.pipeline(
            [("EXISTS", self._layout.lease(shard)) for shard in shards]
        )
        if not all(owners):
            raise Unavailable("no cortex learns from the feedback log")

    async def stream_size(self, caller: Principal) -> int:
        """Events in the feedback log that are not handled yet."""
        scopes.require(caller, scopes.METRIC_READ)
        counters = await asyncio.gather(
            *(
                ShardGauges(self._client, self._layout, shard).counters()
                for shard in range(self._layout.shards)
            )
        )
        return sum(max(one["events"] - one["handled"], 0) for one in counters)
