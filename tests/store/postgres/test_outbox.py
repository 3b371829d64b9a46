"""Every change leaves a note in its own transaction; one process relays them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.postgres.samples import experiment_on
from tests.store.postgres.samples import stored_experiment
from tests.store.postgres.samples import stored_pool

from qbrixcore.definition import make_definition
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import get_session
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.leadership import leadership
from qbrixstore.postgres.leadership import resign
from qbrixstore.postgres.leadership import still_leads
from qbrixstore.postgres.leadership import try_leader
from qbrixstore.postgres.outbox import Outbox
from qbrixstore.postgres.pools import Pools


@pytest.fixture
async def engine(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    await drained(engine)
    yield engine


async def drained(engine: AsyncEngine) -> list[tuple[str, str, int]]:
    """What the outbox holds, taken out of it."""
    async with system_session(engine) as session:
        outbox = Outbox(session)
        entries = await outbox.claim(1000)
        await outbox.done([entry.id for entry in entries])
    return [(entry.tenant_id, entry.experiment_id, entry.version) for entry in entries]


async def test_each_change_of_an_experiment_is_noted(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    assert await drained(engine) == []
    id_ = await stored_experiment(engine, tenant, pool)
    assert await drained(engine) == [(tenant, id_, 1)]
    async with get_session(engine, tenant) as session:
        experiments = Experiments(session, tenant)
        await experiments.update(id_, enabled=False)
        await experiments.update(id_, enabled=False)
        await experiments.update(id_, policy_params={"alpha_prior": 2.0})
    assert await drained(engine) == [(tenant, id_, 2), (tenant, id_, 3)]
    async with get_session(engine, tenant) as session:
        await Experiments(session, tenant).remove(id_)
    assert await drained(engine) == [(tenant, id_, 4)]


async def test_change_of_a_pool_is_noted_for_its_experiments(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    apart = await stored_pool(engine, tenant, "apart")
    ids = [await stored_experiment(engine, tenant, pool, f"{n}") for n in range(3)]
    await stored_experiment(engine, tenant, apart, "apart")
    await drained(engine)
    async with get_session(engine, tenant) as session:
        await Pools(session, tenant).rename(pool.id, "renamed")
        await Pools(session, tenant).rename(pool.id, "renamed")
        read = await Experiments(session, tenant).get(ids[0])
    assert (read.version, read.experiment.pool.name) == (2, "renamed")
    assert sorted(await drained(engine)) == sorted((tenant, id_, 2) for id_ in ids)


async def test_change_rolled_back_leaves_no_note(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    with pytest.raises(KeyError):
        async with get_session(engine, tenant) as session:
            await Experiments(session, tenant).add(experiment_on(pool, "e"))
            raise KeyError
    assert await drained(engine) == []
    async with get_session(engine, tenant) as session:
        assert await Experiments(session, tenant).page() == []


async def test_current_is_the_definition_as_committed(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    pool = await stored_pool(engine, tenant)
    id_ = await stored_experiment(engine, tenant, pool)
    async with get_session(engine, tenant) as session:
        record = await Experiments(session, tenant).update(id_, enabled=False)
    async with system_session(engine) as session:
        outbox = Outbox(session)
        definition = await outbox.current(tenant, id_)
        assert definition == make_definition(tenant, record.experiment, 2)
        assert await outbox.current(other, id_) is None
    assert definition is not None
    assert [arm.active for arm in definition.arms] == [True, False, True]
    assert definition.enabled is False
    async with get_session(engine, tenant) as session:
        await Experiments(session, tenant).remove(id_)
    async with system_session(engine) as session:
        assert await Outbox(session).current(tenant, id_) is None


async def test_current_follows_changes_within_one_session(
    engine: AsyncEngine, tenant: str
) -> None:
    id_ = await stored_experiment(engine, tenant, await stored_pool(engine, tenant))
    async with system_session(engine) as relay:
        before = await Outbox(relay).current(tenant, id_)
        async with get_session(engine, tenant) as session:
            await Experiments(session, tenant).update(id_, enabled=False)
        after = await Outbox(relay).current(tenant, id_)
    assert before is not None
    assert after is not None
    assert (before.version, before.enabled) == (1, True)
    assert (after.version, after.enabled) == (2, False)


async def test_two_relays_claim_different_entries(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    ids = [await stored_experiment(engine, tenant, pool, f"{n}") for n in range(5)]
    async with system_session(engine) as one, system_session(engine) as two:
        first = await Outbox(one).claim(2)
        second = await Outbox(two).claim(10)
        assert [entry.experiment_id for entry in first] == ids[:2]
        assert [entry.experiment_id for entry in second] == ids[2:]
        await Outbox(two).done([entry.id for entry in second])
        await Outbox(one).done([])
    assert [entry[1] for entry in await drained(engine)] == ids[:2]


async def test_only_one_leads(engine: AsyncEngine) -> None:
    async with leadership(engine) as first:
        assert first is not None
        assert await still_leads(first)
        async with leadership(engine) as second:
            assert second is None
    async with leadership(engine) as third:
        assert third is not None


async def test_lock_outlives_transactions_until_resigned(engine: AsyncEngine) -> None:
    async with engine.connect() as one, engine.connect() as two:
        assert await try_leader(one)
        await one.rollback()
        assert not await try_leader(two)
        assert await still_leads(one)
        assert not await still_leads(two)
        await resign(one)
        assert not await still_leads(one)
        assert await try_leader(two)
        await resign(two)


async def test_leader_that_is_cut_off_leads_no_more(
    engine: AsyncEngine, postgres_server: PostgresSettings
) -> None:
    cutter = init_db(postgres_server)
    async with leadership(engine) as leader:
        assert leader is not None
        pid = await leader.scalar(text("select pg_backend_pid()"))
        async with system_session(cutter) as session:
            await session.execute(
                text("select pg_terminate_backend(:p, 5000)"), {"p": pid}
            )
        assert not await still_leads(leader)
        await leader.rollback()
        assert not await still_leads(leader)
        async with leadership(cutter) as successor:
            assert successor is not None
    await cutter.dispose()
