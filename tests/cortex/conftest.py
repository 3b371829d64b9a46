"""An emptied store with one shard, and whoever commits and records it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.cortex.samples import Shard
from tests.cortex.samples import experiment

from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.decisions import DecisionLog
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis import RedisStreamConsumer


@pytest.fixture
async def shard(redis_server: RedisSettings) -> AsyncIterator[Shard]:
    async with RedisClient(redis_server) as client:
        await client.execute("FLUSHALL")
        yield Shard(client, await Layout.ensure(client))


@pytest.fixture
async def consumer(shard: Shard) -> RedisStreamConsumer:
    """Who commits, and leaves the trimming to whoever records."""
    await shard.define(experiment())
    consumer = RedisStreamConsumer(shard.client, shard.layout, "c-0", trims=False)
    assert await consumer.acquire()
    return consumer


@pytest.fixture
async def engine(postgres_server: PostgresSettings) -> AsyncIterator[AsyncEngine]:
    """A database without decisions."""
    engine = init_db(postgres_server)
    async with system_session(engine) as session:
        await DecisionLog(session).drop_before(date(9999, 1, 1))
    yield engine
    await engine.dispose()
