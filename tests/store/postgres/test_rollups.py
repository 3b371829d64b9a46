"""Counts by arm and hour in Postgres: absolute, so that writing twice is once."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.postgres.samples import stored_experiment
from tests.store.postgres.samples import stored_pool

from qbrixstore.cells import Cell
from qbrixstore.cells import CellId
from qbrixstore.cells import Held
from qbrixstore.cells import Key
from qbrixstore.cells import Live
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.rollups import ALWAYS
from qbrixstore.postgres.rollups import ExperimentRollups
from qbrixstore.postgres.rollups import Rollups
from qbrixstore.postgres.rollups import Span

HOUR = 495_000
FIRST = Cell(3, 1, 2, 1.25, 0.25, 1.0, 1_000, 3_000)
SECOND = Cell(2, 0, 1, -0.5, -0.5, -0.5, 500, 2_000)
BOTH = Cell(5, 1, 3, 0.75, -0.5, 1.0, 500, 3_000)


@pytest.fixture
async def key(engine: AsyncEngine, tenant: str) -> Key:
    pool = await stored_pool(engine, tenant)
    return tenant, await stored_experiment(engine, tenant, pool)


def live(key: Key, revision: int, cells: dict[CellId, Cell]) -> Live:
    held = {cell_id: Held(revision, cell) for cell_id, cell in cells.items()}
    return Live(key, revision, held)


async def write(engine: AsyncEngine, *counted: Live) -> None:
    async with system_session(engine) as session:
        await Rollups(session).write(counted)


async def summed(
    engine: AsyncEngine, key: Key, span: Span = ALWAYS, tenant: str | None = None
) -> dict[int, Cell]:
    asked = tenant or key[0]
    async with get_session(engine, asked) as session:
        return await ExperimentRollups(session, asked).before(key[1], span)


async def test_cells_of_hours_and_sources_add_up(engine: AsyncEngine, key: Key) -> None:
    cells = {
        CellId(HOUR, 0, "a.1"): FIRST,
        CellId(HOUR, 0, "b.1"): SECOND,
        CellId(HOUR + 1, 2, "a.7"): FIRST,
        CellId(HOUR + 2, 2, "a.9"): Cell(feedback=1, reward_sum=2.0, reward_max=2.0),
    }
    await write(engine, live(key, 9, cells))
    assert await summed(engine, key, Span(HOUR, HOUR + 2)) == {0: BOTH, 2: FIRST}
    assert await summed(engine, key, Span(HOUR + 1, HOUR + 2)) == {2: FIRST}
    last = await summed(engine, key, Span(HOUR + 2, HOUR + 3))
    assert last == {2: Cell(0, 0, 1, 2.0, 0.0, 2.0, 0, 0)}
    assert (await summed(engine, key))[2].feedback == 3


async def test_every_cell_comes_back_as_it_was(engine: AsyncEngine, key: Key) -> None:
    cells = {CellId(HOUR, 0, "a.1"): FIRST, CellId(HOUR + 1, 1, "a.1"): Cell(1)}
    await write(engine, live(key, 4, cells))
    async with get_session(engine, key[0]) as session:
        rollups = ExperimentRollups(session, key[0])
        found = await rollups.hours(key[1], Span(HOUR, HOUR + 2))
        assert found == {cell_id: Held(4, cell) for cell_id, cell in cells.items()}
        assert list(await rollups.hours(key[1], Span(HOUR, HOUR + 1))) == [
            CellId(HOUR, 0, "a.1")
        ]


async def test_writing_again_changes_nothing(engine: AsyncEngine, key: Key) -> None:
    cell = CellId(HOUR, 0, "a.1")
    await write(engine, live(key, 2, {cell: BOTH}))
    await write(engine, live(key, 2, {cell: BOTH}))
    assert await summed(engine, key) == {0: BOTH}
    # somebody slower read less
    await write(engine, live(key, 1, {cell: FIRST}))
    assert await summed(engine, key) == {0: BOTH}
    await write(engine, live(key, 3, {cell: msgspec.structs.replace(BOTH, feedback=4)}))
    assert (await summed(engine, key))[0].feedback == 4


async def test_a_transaction_that_fails_writes_no_part(
    engine: AsyncEngine, key: Key
) -> None:
    cells = {CellId(HOUR, arm, "a.1"): FIRST for arm in range(3)}
    with pytest.raises(RuntimeError):
        async with system_session(engine) as session:
            await Rollups(session).write([live(key, 1, cells)])
            raise RuntimeError
    assert await summed(engine, key) == {}


async def test_two_writers_at_once_agree(engine: AsyncEngine, key: Key) -> None:
    cells = {CellId(HOUR, arm, "a.1"): FIRST for arm in range(3_000)}
    turned = dict(reversed(cells.items()))
    await asyncio.gather(
        write(engine, live(key, 1, cells)), write(engine, live(key, 1, turned))
    )
    found = await summed(engine, key)
    assert found == dict.fromkeys(range(3_000), FIRST)


async def test_only_the_own_counts_are_read(
    engine: AsyncEngine, key: Key, other: str
) -> None:
    await write(engine, live(key, 1, {CellId(HOUR, 0, "a.1"): FIRST}))
    assert await summed(engine, key, tenant=other) == {}
    async with get_session(engine, other) as session:
        rollups = ExperimentRollups(session, other)
        assert await rollups.hours(key[1], ALWAYS) == {}


async def test_counts_go_with_their_experiment(engine: AsyncEngine, key: Key) -> None:
    gone = (key[0], "f" * 32)
    async with system_session(engine) as session:
        assert await Rollups(session).existing([key, gone]) == {key}
    await write(engine, live(key, 1, {CellId(HOUR, 0, "a.1"): FIRST}))
    async with get_session(engine, key[0]) as session:
        await Experiments(session, key[0]).remove(key[1])
    assert await summed(engine, key) == {}
    async with system_session(engine) as session:
        assert await Rollups(session).existing([key]) == set()
