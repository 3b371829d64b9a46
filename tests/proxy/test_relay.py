"""What a crash left between Postgres and Redis is made level."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.people import Person
from tests.proxy.samples import Store
from tests.proxy.waiting import eventually

from proxysvc.accounts.plans import Plans
from proxysvc.app import Worker
from proxysvc.experiments import ExperimentService
from proxysvc.relay import BATCH
from proxysvc.relay import Relay
from proxysvc.scopes import EXPERIMENT_DELETE
from qbrixcore.experiment import Experiment
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.outbox import Outbox
from qbrixstore.postgres.pools import Pools
from qbrixstore.postgres.principal import Principal
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.params import RedisParamBackend


@pytest.fixture
async def store(redis_server: RedisSettings) -> AsyncIterator[Store]:
    async with RedisClient(redis_server) as client:
        yield Store(client, await Layout.ensure(client))


async def committed(
    engine: AsyncEngine, tenant: str, policy: str = "BetaTSPolicy"
) -> str:
    """An experiment that Postgres has and Redis has not heard of."""
    arms = tuple(Arm(uuid4().hex, name, n) for n, name in enumerate(("red", "green")))
    pool = Pool(uuid4().hex, uuid4().hex, arms)
    experiment = Experiment(uuid4().hex, uuid4().hex, pool, policy)
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


async def test_rows_that_cannot_be_relayed_hold_up_no_others(
    engine: AsyncEngine, admin: Person, store: Store
) -> None:
    tenant = admin.tenant_id
    relay = Relay(engine, store.publishing)
    await relay.relay_batch()
    of_tomorrow = await committed(engine, tenant, "PolicyOfTomorrow")
    for enabled in (False, True) * BATCH:
        async with get_session(engine, tenant) as session:
            await Experiments(session, tenant).update(of_tomorrow, enabled=enabled)
    of_today = await committed(engine, tenant)
    batches = 1
    while await relay.relay_batch():
        batches += 1
    assert batches == 3
    assert await store.definitions.get(tenant, of_today) is not None
    # they wait for somebody who understands them
    assert await waiting(engine) == BATCH
    assert await relay.relay_batch() is True
    async with get_session(engine, tenant) as session:
        await Experiments(session, tenant).remove(of_tomorrow)
    while await relay.relay_batch():
        pass
    await relay.relay_batch()
    assert await waiting(engine) == 0


async def test_a_tombstone_is_newer_than_a_change_that_came_between(
    engine: AsyncEngine, admin: Person, store: Store
) -> None:
    experiment = await committed(engine, admin.tenant_id)
    service = ExperimentService(
        engine, store.publishing, 1 << 20, lambda: None, Plans.parse(()), 60
    )
    caller = Principal(
        tenant_id=admin.tenant_id,
        user_id=admin.user_id,
        key_id=admin.key_id,
        role="admin",
        scopes=frozenset({EXPERIMENT_DELETE}),
        plan="self-hosted",
    )
    async with get_session(engine, admin.tenant_id) as session:
        held = Experiments(session, admin.tenant_id)
        assert (await held.update(experiment, enabled=False)).version == 2
        deleting = asyncio.create_task(service.delete(caller, experiment))
        await eventually(lambda: somebody_waits(engine))
    await deleting
    key = store.layout.definition(admin.tenant_id, experiment)
    assert await store.client.execute("HGET", key, "v") == b"3"


async def somebody_waits(engine: AsyncEngine) -> bool:
    """Whether a transaction waits for a lock of another one."""
    query = text("select count(*) from pg_locks where not granted")
    async with engine.connect() as connection:
        return bool(await connection.scalar(query))
