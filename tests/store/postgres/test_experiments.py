"""Experiments of a tenant, and what a change of them leaves behind."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.postgres.samples import experiment_on
from tests.store.postgres.samples import pool_named
from tests.store.postgres.samples import stored_experiment
from tests.store.postgres.samples import stored_pool

from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import NameTaken
from qbrixcore.errors import PoolNotFound
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments

PARAMS = {
    "alpha": 1.0,
    "context_schema": [
        {"name": "b", "type": "boolean"},
        {"name": "a", "type": "boolean"},
    ],
}


async def test_experiment_comes_back_as_it_was(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    experiment = experiment_on(
        pool, "linear", policy="LinUCBPolicy", policy_params=PARAMS, enabled=False
    )
    async with get_session(engine, tenant) as session:
        added = await Experiments(session, tenant).add(experiment)
    async with get_session(engine, tenant) as session:
        read = await Experiments(session, tenant).get(experiment.id)
    assert read == added
    assert read.experiment == experiment
    assert type(read.experiment.policy_params["alpha"]) is float
    assert read.version == 1


async def test_name_is_taken_once_in_a_tenant(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    for owner in (tenant, other):
        await stored_experiment(engine, owner, await stored_pool(engine, owner), "same")
    pool = await stored_pool(engine, tenant, "another")
    with pytest.raises(NameTaken, match="same"):
        await stored_experiment(engine, tenant, pool, "same")


async def test_unknown_pool_is_said_so(engine: AsyncEngine, tenant: str) -> None:
    with pytest.raises(PoolNotFound):
        await stored_experiment(engine, tenant, pool_named("never stored"))


async def test_pool_of_another_tenant_is_unknown(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    pool = await stored_pool(engine, other)
    with pytest.raises(PoolNotFound):
        await stored_experiment(engine, tenant, pool)


async def test_experiment_takes_the_pool_as_it_is(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    remembered = pool_named("something else", arms=9)
    stale = type(remembered)(id=pool.id, name=remembered.name, arms=remembered.arms)
    async with get_session(engine, tenant) as session:
        record = await Experiments(session, tenant).add(experiment_on(stale, "e"))
    assert record.experiment.pool == pool


async def test_pages_filter_and_keep_their_order(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    theirs = await stored_pool(engine, other)
    await stored_experiment(engine, other, theirs, "Checkout theirs")
    pool = await stored_pool(engine, tenant)
    names = ["checkout red", "Checkout Blue", "100% off", "Über_x", "überXx"]
    async with get_session(engine, tenant) as session:
        experiments = Experiments(session, tenant)
        for number, name in enumerate(names):
            await experiments.add(experiment_on(pool, name, enabled=number % 2 == 0))

        async def found(**filters: object) -> list[str]:
            page = await experiments.page(**filters)  # type: ignore[arg-type]
            return [record.experiment.name for record in page]

        assert await found() == names[::-1]
        assert await found(limit=2, offset=1) == names[::-1][1:3]
        assert await found(search="CHECKOUT") == ["Checkout Blue", "checkout red"]
        assert await found(search="%") == ["100% off"]
        assert await found(search="ÜBER_") == ["Über_x"]
        assert await found(search="") == names[::-1]
        assert await found(enabled=True) == ["überXx", "100% off", "checkout red"]
        assert await found(enabled=False) == ["Über_x", "Checkout Blue"]
        assert await found(enabled=False, search="über", limit=1) == ["Über_x"]
        assert all(r.experiment.pool == pool for r in await experiments.page())


async def test_experiments_of_a_pool(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    pool = await stored_pool(engine, tenant)
    apart = await stored_pool(engine, tenant, "apart")
    first = await stored_experiment(engine, tenant, pool, "first")
    second = await stored_experiment(engine, tenant, pool, "second")
    await stored_experiment(engine, tenant, apart, "third")
    async with get_session(engine, tenant) as session:
        records = await Experiments(session, tenant).of_pool(pool.id)
    assert [record.experiment.id for record in records] == [second, first]
    with pytest.raises(PoolNotFound):
        async with get_session(engine, other) as session:
            await Experiments(session, other).of_pool(pool.id)


async def test_change_raises_the_version(engine: AsyncEngine, tenant: str) -> None:
    id_ = await stored_experiment(engine, tenant, await stored_pool(engine, tenant))
    async with get_session(engine, tenant) as session:
        paused = await Experiments(session, tenant).update(id_, enabled=False)
    assert (paused.version, paused.experiment.enabled) == (2, False)
    assert paused.updated_at > paused.created_at
    async with get_session(engine, tenant) as session:
        tuned = await Experiments(session, tenant).update(
            id_, policy_params={"alpha_prior": 2}
        )
    assert (tuned.version, tuned.experiment.enabled) == (3, False)
    async with get_session(engine, tenant) as session:
        assert await Experiments(session, tenant).get(id_) == tuned
        emptied = await Experiments(session, tenant).update(id_, policy_params={})
        assert emptied.experiment.policy_params == {}


async def test_change_to_the_same_changes_nothing(
    engine: AsyncEngine, tenant: str
) -> None:
    id_ = await stored_experiment(engine, tenant, await stored_pool(engine, tenant))
    async with get_session(engine, tenant) as session:
        experiments = Experiments(session, tenant)
        before = await experiments.get(id_)
        assert await experiments.update(id_) == before
        assert await experiments.update(id_, enabled=True, policy_params={}) == before


async def test_removed_experiment_is_gone_and_its_pool_stays(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    id_ = await stored_experiment(engine, tenant, pool, "again")
    async with get_session(engine, tenant) as session:
        assert await Experiments(session, tenant).remove(id_) == 2
        with pytest.raises(ExperimentNotFound):
            await Experiments(session, tenant).get(id_)
    assert await stored_experiment(engine, tenant, pool, "again") != id_


async def test_other_tenants_see_nothing(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    id_ = await stored_experiment(engine, tenant, await stored_pool(engine, tenant))
    async with get_session(engine, other) as session:
        theirs = Experiments(session, other)
        assert await theirs.page() == []
        for call in (theirs.get(id_), theirs.remove(id_), theirs.update(id_, False)):
            with pytest.raises(ExperimentNotFound):
                await call
    async with get_session(engine, tenant) as session:
        assert (await Experiments(session, tenant).get(id_)).version == 1


async def test_repository_and_session_are_of_one_tenant(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    async with get_session(engine, tenant) as session:
        with pytest.raises(ValueError, match="another tenant"):
            Experiments(session, other)
        with pytest.raises(ValueError, match="needs a tenant"):
            Experiments(session, "")
    with pytest.raises(ValueError, match="needs a tenant"):
        async with get_session(engine, ""):
            pass
