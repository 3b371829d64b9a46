"""Snapshots: the last few are kept, and the one that is being gone back to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcore.experiment import Experiment
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.pools import Pools
from qbrixstore.postgres.snapshots import Snapshot
from qbrixstore.postgres.snapshots import Snapshots
from qbrixstore.postgres.tenants import Tenants

Key = tuple[str, str]


@pytest.fixture
async def postgres(postgres_server: PostgresSettings) -> AsyncIterator[AsyncEngine]:
    engine = init_db(postgres_server)
    yield engine
    await engine.dispose()


async def made(engine: AsyncEngine) -> Key:
    async with system_session(engine) as session:
        tenant = (await Tenants(session).add("t")).id
        pool = Pool(uuid4().hex, "p", (Arm(uuid4().hex, "a", 0),))
        await Pools(session, tenant).add(pool)
        one = Experiment(uuid4().hex, "e", pool, "BetaTSPolicy", enabled=False)
        await Experiments(session, tenant).add(one)
    return tenant, one.id


def snapshot(key: Key, version: int, generation: int = 0) -> Snapshot:
    return Snapshot(
        tenant=key[0],
        experiment=key[1],
        version=version,
        generation=generation,
        updates=version,
        learned_through_ms=0,
        state=str(version).encode(),
    )


async def keep(engine: AsyncEngine, *snapshots: Snapshot, last: int = 3) -> int:
    async with system_session(engine) as session:
        return await Snapshots(session).keep(snapshots, last)


async def versions(engine: AsyncEngine, key: Key) -> list[int]:
    async with system_session(engine) as session:
        return [one.version for one in await Snapshots(session).listing(*key)]


async def test_the_last_few_of_each_are_kept(postgres: AsyncEngine) -> None:
    one, other = await made(postgres), await made(postgres)
    await keep(postgres, *(snapshot(one, version) for version in (5, 1, 9, 3)))
    assert await versions(postgres, one) == [9, 5, 3]
    assert await keep(postgres, snapshot(one, 12), snapshot(other, 1)) == 2
    assert await versions(postgres, one) == [12, 9, 5]
    assert await versions(postgres, other) == [1]
    async with system_session(postgres) as session:
        assert await Snapshots(session).find(*one, 9) == b"9"
        assert await Snapshots(session).find(*one, 3) is None
        assert await Snapshots(session).find(one[0], other[1], 1) is None


async def test_a_version_is_never_replaced(postgres: AsyncEngine) -> None:
    key = await made(postgres)
    await keep(postgres, snapshot(key, 4))
    await keep(postgres, snapshot(key, 4, generation=7))
    async with system_session(postgres) as session:
        (kept,) = await Snapshots(session).listing(*key)
    assert kept.generation == 0


async def test_those_of_deleted_experiments_are_left_out(postgres: AsyncEngine) -> None:
    key, gone = await made(postgres), await made(postgres)
    await keep(postgres, snapshot(gone, 1))
    async with system_session(postgres) as session:
        await Experiments(session, gone[0]).remove(gone[1])
    assert await versions(postgres, gone) == []
    assert await keep(postgres, snapshot(gone, 2), snapshot(key, 1)) == 1
    assert await versions(postgres, key) == [1]


async def test_what_a_rollback_wants_outlives_newer_ones(postgres: AsyncEngine) -> None:
    key = await made(postgres)
    await keep(postgres, snapshot(key, 1), last=1)
    async with system_session(postgres) as session:
        await Experiments(session, key[0]).restart(key[1], restored=1)
    await keep(postgres, snapshot(key, 2), snapshot(key, 3), last=1)
    assert await versions(postgres, key) == [3, 1]
    async with system_session(postgres) as session:
        await Experiments(session, key[0]).restart(key[1])
    await keep(postgres, snapshot(key, 4), last=1)
    assert await versions(postgres, key) == [4]


async def test_a_generation_goes_on_from_its_own_or_from_its_beginning(
    postgres: AsyncEngine,
) -> None:
    key = await made(postgres)
    await keep(postgres, snapshot(key, 5), snapshot(key, 8), snapshot(key, 9, 1))
    async with system_session(postgres) as session:
        kept = Snapshots(session)
        assert await kept.for_rebuild(*key, 0, None) == (b"8", 9)
        assert await kept.for_rebuild(*key, 1, 5) == (b"9", 9)
        assert await kept.for_rebuild(*key, 2, 5) == (b"5", 9)
        assert await kept.for_rebuild(*key, 2, None) == (None, 9)
        assert await kept.for_rebuild(key[0], "nothing", 0, None) == (None, 0)
