"""What goes in comes out, and a pool in use stays."""

from __future__ import annotations

from datetime import UTC
from datetime import datetime
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.postgres.samples import pool_named
from tests.store.postgres.samples import stored_experiment
from tests.store.postgres.samples import stored_pool

from qbrixcore.errors import Invalid
from qbrixcore.errors import NameTaken
from qbrixcore.errors import PoolInUse
from qbrixcore.errors import PoolNotFound
from qbrixstore.postgres import get_session
from qbrixstore.postgres.pools import Pools


async def test_pool_comes_back_as_it_was(engine: AsyncEngine, tenant: str) -> None:
    pool = pool_named("colours", arms=40)
    async with get_session(engine, tenant) as session:
        added = await Pools(session, tenant).add(pool)
    async with get_session(engine, tenant) as session:
        read = await Pools(session, tenant).get(pool.id)
    assert read == added
    assert read.pool == pool
    assert read.created_at.utcoffset() == timedelta(0)
    assert abs(datetime.now(UTC) - read.created_at) < timedelta(minutes=5)


async def test_name_is_taken_once_in_a_tenant(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    await stored_pool(engine, tenant, "same")
    await stored_pool(engine, other, "same")
    with pytest.raises(NameTaken, match="same"):
        await stored_pool(engine, tenant, "same")
    async with get_session(engine, tenant) as session:
        assert len(await Pools(session, tenant).page()) == 1


async def test_pages_are_newest_first_and_stable(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    await stored_pool(engine, other)
    async with get_session(engine, tenant) as session:
        for number in range(7):
            await Pools(session, tenant).add(pool_named(f"pool {number}"))
        # two of the same moment, as clocks may have it
        older = "update pool set created_at = '2020-01-01Z' where name < 'pool 2'"
        await session.execute(text(older))
    async with get_session(engine, tenant) as session:
        pools = Pools(session, tenant)
        whole = [record.pool.name for record in await pools.page()]
        parts = [
            record.pool.name
            for offset in range(0, 9, 2)
            for record in await pools.page(limit=2, offset=offset)
        ]
    assert whole[:5] == ["pool 6", "pool 5", "pool 4", "pool 3", "pool 2"]
    assert parts == whole
    assert len(whole) == 7


async def test_page_holds_the_arms_in_order(engine: AsyncEngine, tenant: str) -> None:
    pool = await stored_pool(engine, tenant)
    async with get_session(engine, tenant) as session:
        (record,) = await Pools(session, tenant).page()
    assert record.pool == pool


async def test_removed_pool_is_gone_with_its_arms(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    async with get_session(engine, tenant) as session:
        await Pools(session, tenant).remove(pool.id)
    async with get_session(engine, tenant) as session:
        with pytest.raises(PoolNotFound):
            await Pools(session, tenant).get(pool.id)
        left = text("select count(*) from arm where pool_id = :id")
        assert await session.scalar(left, {"id": pool.id}) == 0


async def test_pool_in_use_names_its_experiments(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    first = await stored_experiment(engine, tenant, pool, "first")
    second = await stored_experiment(engine, tenant, pool, "second")
    with pytest.raises(PoolInUse) as caught:
        async with get_session(engine, tenant) as session:
            await Pools(session, tenant).remove(pool.id)
    assert caught.value.detail == {"experiments": [second, first]}


async def test_renaming(engine: AsyncEngine, tenant: str) -> None:
    pool = await stored_pool(engine, tenant, "before")
    await stored_pool(engine, tenant, "taken")
    async with get_session(engine, tenant) as session:
        renamed = await Pools(session, tenant).rename(pool.id, "after")
    assert renamed.pool.name == "after"
    assert renamed.pool.arms == pool.arms
    assert renamed.updated_at > renamed.created_at
    with pytest.raises(NameTaken):
        async with get_session(engine, tenant) as session:
            await Pools(session, tenant).rename(pool.id, "taken")


async def test_other_tenants_see_nothing(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    pool = await stored_pool(engine, tenant)
    async with get_session(engine, other) as session:
        pools = Pools(session, other)
        assert await pools.page() == []
        for call in (
            pools.get(pool.id),
            pools.remove(pool.id),
            pools.rename(pool.id, "x"),
        ):
            with pytest.raises(PoolNotFound):
                await call
    async with get_session(engine, tenant) as session:
        assert (await Pools(session, tenant).get(pool.id)).pool == pool


@pytest.mark.parametrize("name", ["x" * 256, "a\0b", "\ud800"])
async def test_name_that_no_column_holds_is_invalid(
    engine: AsyncEngine, tenant: str, name: str
) -> None:
    with pytest.raises(Invalid, match="cannot be stored"):
        await stored_pool(engine, tenant, name)


async def test_offset_beyond_any_row_is_empty_or_invalid(
    engine: AsyncEngine, tenant: str
) -> None:
    async with get_session(engine, tenant) as session:
        assert await Pools(session, tenant).page(offset=2**62) == []
    with pytest.raises(Invalid):
        async with get_session(engine, tenant) as session:
            await Pools(session, tenant).page(offset=2**64)
