"""What the system has learned, read from its stores and not from its answers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import numpy as np
from numpy.typing import NDArray
from tests.system.running import Up

from qbrixcore.param.codec import Stored
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend


class Learned:
    """The state of one experiment."""

    def __init__(
        self, backend: RedisParamBackend, client: RedisClient, key: tuple[str, str]
    ) -> None:
        self._backend = backend
        self.client = client
        self._tenant, self._experiment = key

    async def stored(self) -> Stored:
        """Its params."""
        stored = await self._backend.get(self._tenant, self._experiment)
        assert stored is not None
        return stored

    async def pulls(self) -> NDArray[np.int64]:
        """Learned feedbacks for each arm, (K,)."""
        return np.asarray((await self.stored()).state.pulls)

    async def until(self, total: int) -> NDArray[np.int64]:
        """The pulls, as soon as so many were learned."""
        async with asyncio.timeout(60):
            while True:
                pulls = await self.pulls()
                if pulls.sum() >= total:
                    return pulls
                await asyncio.sleep(0.01)


@asynccontextmanager
async def learned(up: Up, experiment: str) -> AsyncIterator[Learned]:
    """Look into an experiment of a running system."""
    tenant = await tenant_of(up, experiment)
    async with RedisClient(up.redis) as client:
        layout = await Layout.read(client)
        backend = RedisParamBackend(client, layout)
        yield Learned(backend, client, (tenant, experiment))


async def tenant_of(up: Up, experiment: str) -> str:
    """Whose experiment it is."""
    connection = await connect(up)
    try:
        query = "select tenant_id from experiment where id = $1"
        return str(await connection.fetchval(query, experiment))
    finally:
        await connection.close()


async def connect(up: Up) -> asyncpg.Connection:
    """A connection to the system's Postgres, which may just be coming back."""
    at = up.postgres
    async with asyncio.timeout(30):
        while True:
            try:
                return await asyncpg.connect(
                    host=at.host,
                    port=at.port,
                    user=at.user,
                    password=str(at.password),
                    database=at.database,
                    ssl=False,
                )
            except (OSError, asyncpg.CannotConnectNowError):
                await asyncio.sleep(0.05)


def sha256(text: str) -> str:
    """In lowercase hex."""
    return hashlib.sha256(text.encode()).hexdigest()
