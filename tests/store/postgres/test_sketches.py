"""Sketches of contexts, for each experiment one."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.postgres.samples import stored_experiment
from tests.store.postgres.samples import stored_pool

from qbrixstore.cells import Key
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.sketches import Sketches


async def put(engine: AsyncEngine, sketches: dict[Key, bytes]) -> None:
    async with system_session(engine) as session:
        await Sketches(session).put(sketches)


async def got(engine: AsyncEngine, *pairs: Key) -> dict[Key, bytes]:
    async with system_session(engine) as session:
        return await Sketches(session).get(pairs)


async def test_the_last_sketch_of_an_experiment_is_kept(
    engine: AsyncEngine, tenant: str
) -> None:
    pool = await stored_pool(engine, tenant)
    one = (tenant, await stored_experiment(engine, tenant, pool, "one"))
    two = (tenant, await stored_experiment(engine, tenant, pool, "two"))
    await put(engine, {})
    await put(engine, {one: b"HYLL\x00\xff", two: b"2"})
    await put(engine, {one: b"1"})
    assert await got(engine, one, two, (tenant, "f" * 32)) == {one: b"1", two: b"2"}
    assert await got(engine, two) == {two: b"2"}
    assert await got(engine) == {}
    async with get_session(engine, tenant) as session:
        await Experiments(session, tenant).remove(one[1])
    assert await got(engine, one, two) == {two: b"2"}
