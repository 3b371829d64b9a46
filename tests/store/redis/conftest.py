"""A client of an emptied server, and the first layout in it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.store.redis.samples import Dump
from tests.store.redis.samples import definition
from tests.store.redis.samples import stored

from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher


@pytest.fixture
async def client(redis_server: RedisSettings) -> AsyncIterator[RedisClient]:
    async with RedisClient(redis_server) as client:
        await client.execute("FLUSHALL")
        yield client


@pytest.fixture
async def layout(client: RedisClient) -> Layout:
    return await Layout.ensure(client)


@pytest.fixture
async def published(client: RedisClient, layout: Layout) -> RedisStreamPublisher:
    """Definitions e1 and e2 with their first params, and a way to append."""
    for experiment in ("e1", "e2"):
        await Definitions(client, layout).publish(
            definition(experiment=experiment), stored()
        )
    return RedisStreamPublisher(client, layout)


@pytest.fixture
async def consumer(
    client: RedisClient, layout: Layout, published: RedisStreamPublisher
) -> RedisStreamConsumer:
    consumer = RedisStreamConsumer(client, layout, "c-0")
    assert await consumer.acquire()
    return consumer


@pytest.fixture
def dump(client: RedisClient) -> Dump:
    """Everything in the store, to compare before and after."""

    async def everything() -> dict[bytes, Any]:
        names = sorted(await client.execute("KEYS", "*"))
        return {name: await client.execute("DUMP", name) for name in names}

    return everything
