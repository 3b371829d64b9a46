"""What a crash left between Postgres and Redis is made level."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.people import Person
from tests.proxy.samples import Store
from tests.proxy.waiting import eventually

from proxysvc.app import Worker
from proxysvc.relay import Relay
from qbrixcore.experiment import Experiment
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.outbox import Outbox
from qbrixstore.postgres.pools import Pools
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend


@pytest.fixture
async def store(redis_server: RedisSettings) -> AsyncIterator[Store]:
    async with RedisClient(redis_server) as client:
        yield Store(client, await Layout.ensure(client))


async def committed(engine: AsyncEngine, tenant: str) -> str:
    """An experiment that Postgres has and Redis has not heard of."""
    arms = tuple(Arm(uuid4().hex, name, n) for n, name in enumerate(("red", "green")))
    pool = Pool(uuid4().hex, uuid4().hex, arms)
    experiment = Experiment(uuid4().hex, uuid4().hex, pool, "BetaTSPolicy")
    async with get_session(engine, tenant) as session:
        await Pools(session, tenant).add(pool)
        await Experiments(session, tenant).add(experiment)
    return experiment.id


async def waiting(engine: AsyncEngine) -> int:
    async with system_session(engine) as session:
        return len(await Outbox(session).claim())


async def test_a_creation_is_finished(
    engine: AsyncEngine, admin: Person, store: Store
) -> None:
    tenant = admin.tenant_id
    experiment = await committed(engine, tenant)
    relay = Relay(engine, store.publishing)
    assert await relay.relay_batch() is False
    definition = await store.definitions.get(tenant, experiment)
    assert definition is not None
    assert (definition.version, len(definition.arms)) == (1, 2)
    params = RedisParamBackend(store.client, store.layout)
    stored = await params.get(tenant, experiment)
    assert stored is not None
    assert (stored.header.version, stored.header.num_arms) == (0, 2)
    assert await waiting(engine) == 0


async def test_many_changes_are_one_newest(
    engine: AsyncEngine, admin: Person, store: Store
) -> None:
    tenant = admin.tenant_id
    experiment = await committed(engine, tenant)
    for enabled in (False, True, False):
        async with get_session(engine, tenant) as session:
            await Experiments(session, tenant).update(experiment, enabled=enabled)
    await Relay(engine, store.publishing).relay_batch()
    definition = await store.definitions.get(tenant, experiment)
    assert definition is not None
    assert (definition.version, definition.enabled) == (4, False)
    assert await waiting(engine) == 0


async def test_a_removal_is_finished(
    engine: AsyncEngine, admin: Person, store: Store
) -> None:
    tenant = admin.tenant_id
    experiment = await committed(engine, tenant)
    relay = Relay(engine, store.publishing)
    await relay.relay_batch()
    async with get_session(engine, tenant) as session:
        await Experiments(session, tenant).remove(experiment)
    await relay.relay_batch()
    assert await store.definitions.get(tenant, experiment) is None
    assert await store.definitions.is_removed(tenant, experiment)


async def test_a_running_worker_relays_by_itself(
    engine: AsyncEngine, worker: Worker, admin: Person, store: Store
) -> None:
    tenant = admin.tenant_id
    experiment = await committed(engine, tenant)

    async def published() -> bool:
        return await store.definitions.get(tenant, experiment) is not None

    await eventually(published)
