"""A real worker in front of a real motor, and what the log holds."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from tests.proxy.hot.rest import Rest

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from proxysvc.settings import MotorAddress
from proxysvc.settings import ProxySettings
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout

SECRETS = ("k1:" + "s" * 32,)


@pytest.fixture
async def settings(
    settings: ProxySettings, redis_server: RedisSettings
) -> AsyncIterator[ProxySettings]:
    """A worker beside a motor that runs, patient on a busy machine."""
    async with motor(
        MotorSettings(grpc_port=0, metrics_port=0, redis=redis_server), seed=1
    ) as served:
        yield msgspec.structs.replace(
            settings,
            motor=MotorAddress(port=served.port),
            request_timeout_ms=15_000,
            token_secret_keys=SECRETS,
        )


@pytest.fixture
async def redis(redis_server: RedisSettings) -> AsyncIterator[RedisClient]:
    async with RedisClient(redis_server) as client:
        yield client


@pytest.fixture
async def rest(client: httpx.AsyncClient, redis: RedisClient) -> Rest:
    return Rest(client, redis, await Layout.ensure(redis))


@pytest.fixture
async def plain(rest: Rest) -> dict[str, Any]:
    """An experiment that ignores the context."""
    return await rest.experiment("BetaTSPolicy")


@pytest.fixture
async def linear(rest: Rest) -> dict[str, Any]:
    """An experiment over two features."""
    return await rest.experiment("LinUCBPolicy", {"dim": 2})
