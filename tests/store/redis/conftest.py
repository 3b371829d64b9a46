"""A client of an emptied server, and the first layout in it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings


@pytest.fixture
async def client(redis_server: RedisSettings) -> AsyncIterator[RedisClient]:
    async with RedisClient(redis_server) as client:
        await client.execute("FLUSHALL")
        yield client


@pytest.fixture
async def layout(client: RedisClient) -> Layout:
    return await Layout.ensure(client)
