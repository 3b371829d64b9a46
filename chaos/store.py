"""What the stores hold, read from them and not from any answer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import asynccontextmanager
from contextlib import suppress
from typing import Final

import asyncpg
import grpc
from chaos.system import System

from qbrixcore.errors import Unavailable
from qbrixcore.param.codec import Stored
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.redis.batch import order
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import Limits
from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend

POLL: Final = 0.02
PATIENT: Final = Limits(reply=5.0, connect=2.0)
# who cannot be asked just now may be asked again
AWAY: Final = (Unavailable, OSError, asyncpg.PostgresError, grpc.aio.AioRpcError)


class Store:
    """The stores of a running system, seen from beside it."""

    def __init__(
        self,
        client: RedisClient,
        layout: Layout,
        postgres: PostgresSettings,
        tenant: str,
    ) -> None:
        self.layout = layout
        self.tenant = tenant
        self._postgres = postgres
        self._params = RedisParamBackend(client, layout)
        shards = range(layout.shards)
        self._gauges = [ShardGauges(client, layout, shard) for shard in shards]

    async def learned(self, experiment: str) -> Stored:
        """The params of an experiment. Raises Unavailable."""
        stored = await self._params.get(self.tenant, experiment)
        if stored is None:
            raise Unavailable("there are no params")
        return stored

    async def counters(self) -> dict[str, int]:
        """Of the whole log. Raises Unavailable."""
        total = Counter[str]()
        for gauges in self._gauges:
            total.update(await gauges.counters())
        return dict(total)

    async def drained(self) -> bool:
        """Whether all that was published and sent is learned. Raises Unavailable."""
        async with connected(self._postgres) as connection:
            if await connection.fetchval("select count(*) from outbox"):
                return False
        for gauges in self._gauges:
            if order(await gauges.position()) < order(await gauges.end()):
                return False
        return True

    async def recorded(self, experiment: str) -> int:
        """How many rewards of an experiment the decision log has."""
        query = "select count(*) from decision_reward where experiment_id = $1"
        async with connected(self._postgres) as connection:
            return int(await connection.fetchval(query, experiment))


@asynccontextmanager
async def stores(system: System, experiment: str) -> AsyncIterator[Store]:
    """Look beside a running system, which has this experiment."""
    settings = system.postgres.settings
    async with connected(settings) as connection:
        query = "select tenant_id from experiment where id = $1"
        tenant = str(await connection.fetchval(query, experiment))
    async with RedisClient(system.redis.settings, PATIENT) as client:
        yield Store(client, await Layout.read(client), settings, tenant)


@asynccontextmanager
async def connected(settings: PostgresSettings) -> AsyncIterator[asyncpg.Connection]:
    """A connection of its own. Raises OSError and asyncpg errors."""
    connection = await asyncpg.connect(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=settings.password,
        database=settings.database,
        ssl=False,
    )
    try:
        yield connection
    finally:
        await connection.close()


async def until(true: Callable[[], Awaitable[bool]], patience: float) -> None:
    """Return once it is true, failures of a store aside. Raises TimeoutError."""
    async with asyncio.timeout(patience):
        while True:
            with suppress(*AWAY):
                if await true():
                    return
            await asyncio.sleep(POLL)
