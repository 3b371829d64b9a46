"""Two transactions at once on the same things."""

from __future__ import annotations

import asyncio
import random

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.postgres.samples import experiment_on
from tests.store.postgres.samples import stored_experiment
from tests.store.postgres.samples import stored_pool

from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import NameTaken
from qbrixcore.errors import PoolInUse
from qbrixcore.errors import PoolNotFound
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.outbox import Outbox
from qbrixstore.postgres.pools import Pools

ACTIONS = ("add", "rename", "update", "remove", "remove pool")
Foreseen = PoolInUse | PoolNotFound | ExperimentNotFound
WAITING = """
select count(*) from pg_stat_activity
where wait_event_type = 'Lock' and datname = current_database()
"""
REFERENCES = {
    "experiment": """
        insert into experiment
            (id, tenant_id, pool_id, name, policy, policy_params, version)
        values (:id, :tenant, :pool, :id, 'p', '{}', 1)
    """,
    "arm": """
        insert into arm (id, tenant_id, pool_id, index, name, metadata)
        values (:id, :tenant, :pool, 99, 'a', '{}')
    """,
}


async def until_one_waits(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        while not await connection.scalar(text(WAITING)):
            await connection.rollback()
            await asyncio.sleep(0.01)


async def remove_pool(engine: AsyncEngine, tenant: str, pool_id: str) -> None:
    async with get_session(engine, tenant) as session:
        await Pools(session, tenant).remove(pool_id)


async def test_one_of_many_gets_the_name(engine: AsyncEngine, tenant: str) -> None:
    outcomes = await asyncio.gather(
        *(stored_pool(engine, tenant, "wanted") for _ in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, NameTaken) for outcome in outcomes) == 7


async def test_pool_is_not_removed_under_an_experiment_being_made(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    async with get_session(engine, tenant) as session:
        record = await Experiments(session, tenant).add(experiment_on(pool, "e"))
        removal = asyncio.create_task(remove_pool(engine, tenant, pool.id))
        await until_one_waits(engine)
    with pytest.raises(PoolInUse) as caught:
        await removal
    assert caught.value.detail == {"experiments": [record.experiment.id]}


async def test_experiment_is_not_made_on_a_pool_being_removed(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    async with get_session(engine, tenant) as session:
        await Pools(session, tenant).remove(pool.id)
        creation = asyncio.create_task(stored_experiment(engine, tenant, pool))
        await until_one_waits(engine)
    with pytest.raises(PoolNotFound):
        await creation


async def test_experiment_made_during_a_change_of_its_pool_has_the_change(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant, "before")
    async with get_session(engine, tenant) as session:
        await Pools(session, tenant).rename(pool.id, "after")
        creation = asyncio.create_task(stored_experiment(engine, tenant, pool))
        await until_one_waits(engine)
    id_ = await creation
    async with get_session(engine, tenant) as session:
        record = await Experiments(session, tenant).get(id_)
    assert record.experiment.pool.name == "after"


async def test_no_version_is_given_twice(engine: AsyncEngine, tenant: str) -> None:
    id_ = await stored_experiment(engine, tenant, await stored_pool(engine, tenant))

    async def tune(prior: int) -> int:
        async with get_session(engine, tenant) as session:
            changed = await Experiments(session, tenant).update(
                id_, policy_params={"alpha_prior": prior}
            )
            return changed.version

    versions = await asyncio.gather(*(tune(n) for n in range(2, 12)))
    assert sorted(versions) == list(range(2, 12))


@pytest.mark.parametrize("seed", range(3))
async def test_changes_at_once_end_in_typed_errors_and_are_all_noted(
    engine: AsyncEngine, tenant: str, seed: int
) -> None:
    rng = random.Random(seed)
    pools = [await stored_pool(engine, tenant, f"pool {n}") for n in range(3)]
    made: list[str] = []

    async def act(number: int) -> None:
        pool = rng.choice(pools)
        async with get_session(engine, tenant) as session:
            experiments = Experiments(session, tenant)
            match rng.choices(ACTIONS, weights=(6, 4, 6, 3, 1))[0]:
                case "add":
                    record = await experiments.add(experiment_on(pool, f"{number}"))
                    made.append(record.experiment.id)
                case "rename":
                    await Pools(session, tenant).rename(pool.id, f"{number}")
                case "update" if made:
                    await experiments.update(
                        rng.choice(made), policy_params={"alpha_prior": number + 1}
                    )
                case "remove" if made:
                    await experiments.remove(rng.choice(made))
                case "remove pool":
                    await Pools(session, tenant).remove(pool.id)

    for start in range(0, 96, 12):
        outcomes = await asyncio.gather(
            *(act(start + n) for n in range(12)), return_exceptions=True
        )
        unexpected = [o for o in outcomes if not isinstance(o, Foreseen | None)]
        assert unexpected == []
    await assert_every_version_is_noted(engine, tenant)


async def assert_every_version_is_noted(engine: AsyncEngine, tenant: str) -> None:
    async with get_session(engine, tenant) as session:
        left = {
            record.experiment.id: record.version
            for record in await Experiments(session, tenant).page(limit=1000)
        }
    noted: dict[str, list[int]] = {}
    async with system_session(engine) as session:
        for entry in await Outbox(session).claim(10_000):
            if entry.tenant_id == tenant:
                noted.setdefault(entry.experiment_id, []).append(entry.version)
    for experiment, versions in noted.items():
        assert versions == list(range(1, len(versions) + 1))
        assert left.get(experiment, len(versions)) == len(versions)
    assert left.keys() <= noted.keys()


@pytest.mark.parametrize("table", sorted(REFERENCES))
async def test_database_refuses_references_across_tenants(
    engine: AsyncEngine, tenant: str, other: str, table: str
) -> None:
    pool = await stored_pool(engine, other)
    values = {"id": table, "pool": pool.id}
    with pytest.raises(IntegrityError, match="foreign key"):
        async with get_session(engine, tenant) as session:
            await session.execute(text(REFERENCES[table]), {**values, "tenant": tenant})
    async with get_session(engine, other) as session:
        await session.execute(text(REFERENCES[table]), {**values, "tenant": other})
