"""A real Redis with experiments in it, and a motor built by its composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.motor.calls import Stream
from tests.motor.store import Store

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from qbrixserving.server import Served
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings


@pytest.fixture
async def store(redis_server: RedisSettings) -> AsyncIterator[Store]:
    async with RedisClient(redis_server) as client:
        await client.execute("FLUSHALL")
        yield Store(client, await Layout.ensure(client))


@pytest.fixture
async def served(store: Store, redis_server: RedisSettings) -> AsyncIterator[Served]:
    async with motor(
        MotorSettings(grpc_port=0, metrics_port=0, redis=redis_server), seed=1
    ) as served:
        yield served


@pytest.fixture
async def stream(served: Served) -> AsyncIterator[Stream]:
    async with Stream(served.port) as stream:
        yield stream
