"""An emptied store with one shard."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.cortex.samples import Shard

from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings


@pytest.fixture
async def shard(redis_server: RedisSettings) -> AsyncIterator[Shard]:
    async with RedisClient(redis_server) as client:
        await client.execute("FLUSHALL")
        yield Shard(client, await Layout.ensure(client))
