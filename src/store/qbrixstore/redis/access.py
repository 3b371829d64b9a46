"""The ways to Redis: to one server, the one that sentinels name, or a cluster."""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any
from typing import Protocol

from redis.asyncio import BlockingConnectionPool

from qbrixstore.redis.cluster import Cluster
from qbrixstore.redis.command import Command
from qbrixstore.redis.config import Limits
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.connection import MasterConnection
from qbrixstore.redis.pools import commander
from qbrixstore.redis.pools import pool
from qbrixstore.redis.sentinels import Sentinels


class Access(Protocol):
    """Sends commands. Every method raises redis errors."""

    @property
    def execute(self) -> Callable[..., Awaitable[Any]]:
        """The reply of one command."""

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Replies of commands sent together, not atomically."""

    def pubsub(self) -> Any:
        """What subscribes to channels, not connected yet."""

    async def close(self) -> None:
        """Close all connections."""


def access(settings: RedisSettings, limits: Limits) -> Access:
    """The way that the settings describe. Nothing is connected yet."""
    if settings.mode == "sentinel":
        return ByName(settings, limits)
    if settings.mode == "cluster":
        return Cluster(settings, limits)
    return Direct(pool(settings, limits))


class Direct:
    """By one pool of connections."""

    def __init__(self, connections: BlockingConnectionPool) -> None:
        self._redis = commander(connections)
        self.execute: Callable[..., Awaitable[Any]] = self._redis.execute_command

    async def pipeline(self, commands: Sequence[Command]) -> list[Any]:
        """Replies of commands sent together, not atomically."""
        async with self._redis.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute())

    def pubsub(self) -> Any:
        """What subscribes to channels, not connected yet."""
        return self._redis.pubsub()

    async def close(self) -> None:
        """Close all connections."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()


class ByName(Direct):
    """By a pool of connections to the server that the sentinels name master."""

    def __init__(self, settings: RedisSettings, limits: Limits) -> None:
        self._sentinels = Sentinels(settings, limits)
        super().__init__(
            pool(
                settings,
                limits,
                connection_class=MasterConnection,
                tls=settings.context(),
                find=self._sentinels.master,
            )
        )

    async def close(self) -> None:
        """Close all connections."""
        await super().close()
        await self._sentinels.close()
