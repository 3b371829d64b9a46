"""A worker in front of a real motor, and the stores that its counts go to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.hot.rest import Rest
from tests.proxy.people import Person

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from proxysvc.settings import MotorAddress
from proxysvc.settings import ProxySettings
from qbrixcore.experiment import Experiment
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.cells import Key
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.pools import Pools
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.layout import Layout


@pytest.fixture
async def redis(redis_server: RedisSettings) -> AsyncIterator[RedisClient]:
    async with RedisClient(redis_server) as client:
        yield client


@pytest.fixture
async def counts(redis: RedisClient) -> Counts:
    return Counts(redis, await Layout.ensure(redis))


@pytest.fixture
async def key(engine: AsyncEngine, admin: Person) -> Key:
    """An experiment of nobody's requests."""
    tenant = admin.tenant_id
    arms = tuple(Arm(uuid4().hex, f"arm {index}", index) for index in range(3))
    pool = Pool(uuid4().hex, "pool", arms)
    experiment = Experiment(uuid4().hex, "e", pool, "BetaTSPolicy")
    async with get_session(engine, tenant) as session:
        await Pools(session, tenant).add(pool)
        await Experiments(session, tenant).add(experiment)
    return tenant, experiment.id


@pytest.fixture
async def beside(
    settings: ProxySettings, redis_server: RedisSettings
) -> AsyncIterator[ProxySettings]:
    """Settings of a worker beside a motor that runs, patient on a busy machine."""
    async with motor(
        MotorSettings(grpc_port=0, metrics_port=0, redis=redis_server), seed=1
    ) as served:
        yield msgspec.structs.replace(
            settings, motor=MotorAddress(port=served.port), request_timeout_ms=15_000
        )


@pytest.fixture
async def rest(client: httpx.AsyncClient, redis: RedisClient) -> Rest:
    return Rest(client, redis, await Layout.ensure(redis))


@pytest.fixture
async def plain(rest: Rest) -> dict[str, Any]:
    """An experiment that ignores the context."""
    return await rest.experiment("BetaTSPolicy")
