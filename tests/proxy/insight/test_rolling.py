"""From Redis to Postgres: twice, at once, and cut off in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc.insight.rolling import Roller
from qbrixcore.errors import Unavailable
from qbrixstore.cells import Cell
from qbrixstore.cells import CellId
from qbrixstore.cells import Group
from qbrixstore.cells import Key
from qbrixstore.cells import Live
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.rollups import ALWAYS
from qbrixstore.postgres.rollups import ExperimentRollups
from qbrixstore.postgres.sketches import Sketches
from qbrixstore.redis import keys
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.counts import Batch
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.counts import hour_of

ONE = Cell(1, 0, 1, 0.5, 0.5, 0.5, 10, 10)


class Cut(Counts):
    """Counts whose caller ends before it can say what was done."""

    async def settle(self, read: Live, over: Sequence[CellId]) -> None:
        raise Unavailable("cut off")


class Adding:
    """Adds one selection and one feedback to each of three arms, at an hour."""

    def __init__(self, counts: Counts, key: Key) -> None:
        self._counts = counts
        self._key = key
        self._number = 0
        self._issuer = uuid4().hex

    async def __call__(self, hours_ago: int = 0) -> None:
        self._number += 1
        hour = hour_of(time.time_ns() // 1_000_000) - hours_ago
        arms = dict.fromkeys(range(3), ONE)
        group = Group(*self._key, hour, arms, [f"{self._number}"])
        await self._counts.add(Batch(self._issuer, self._number, [group]))


@pytest.fixture
def adding(counts: Counts, key: Key) -> Adding:
    return Adding(counts, key)


@pytest.fixture
def roller(engine: AsyncEngine, counts: Counts) -> Roller:
    return Roller(engine, counts)


async def rolled(engine: AsyncEngine, key: Key) -> list[int]:
    """Selections of each arm, as Postgres has them."""
    async with get_session(engine, key[0]) as session:
        by_arm = await ExperimentRollups(session, key[0]).before(key[1], ALWAYS)
    for cell in by_arm.values():
        assert cell.feedback == cell.selections
        assert cell.reward_sum == cell.feedback / 2
    return [cell.selections for _, cell in sorted(by_arm.items())]


async def test_rolling_up_again_changes_nothing(
    engine: AsyncEngine, key: Key, counts: Counts, adding: Adding, roller: Roller
) -> None:
    await adding()
    for _ in range(3):
        await roller.roll_up()
        assert await rolled(engine, key) == [1, 1, 1]
    assert key not in await counts.ahead(0, 100)
    await adding()
    await roller.roll_up()
    assert await rolled(engine, key) == [2, 2, 2]


async def test_what_was_written_before_a_crash_is_written_once(
    engine: AsyncEngine, redis: RedisClient, key: Key, counts: Counts, adding: Adding
) -> None:
    cut = Cut(redis, counts.layout)
    for count in range(1, 4):
        await adding(hours_ago=5)
        with pytest.raises(Unavailable):
            await Roller(engine, cut).roll_up()
        assert await rolled(engine, key) == [count] * 3
    assert key in await counts.ahead(0, 100)
    await Roller(engine, counts).roll_up()
    assert await rolled(engine, key) == [3, 3, 3]
    assert key not in await counts.ahead(0, 100)


async def test_hours_that_are_over_leave_redis_and_may_still_grow(
    engine: AsyncEngine, key: Key, counts: Counts, adding: Adding, roller: Roller
) -> None:
    for count in range(1, 4):
        await adding(hours_ago=7)
        await adding()
        await roller.roll_up()
        [live] = await counts.read([key])
        assert len(live.cells) == 3
        assert {held.cell.selections for held in live.cells.values()} == {count}
        assert await rolled(engine, key) == [2 * count] * 3


async def test_an_emptied_redis_takes_nothing_from_postgres(
    engine: AsyncEngine, redis: RedisClient, key: Key, adding: Adding, roller: Roller
) -> None:
    await adding()
    await adding()
    await roller.roll_up()
    await redis.execute("UNLINK", keys.counts(1, 0, *key))
    await adding()
    await roller.roll_up()
    assert await rolled(engine, key) == [3, 3, 3]


async def test_contexts_survive_an_emptied_redis(
    redis: RedisClient, key: Key, counts: Counts, adding: Adding, roller: Roller
) -> None:
    for _ in range(20):
        await adding()
    await roller.roll_up()
    await roller.save_contexts(age=0)
    await redis.execute("UNLINK", keys.contexts(1, 0, *key, "all"))
    assert await counts.unique_contexts(key) == 0
    for _ in range(5):
        await adding()
    await roller.roll_up()
    # not yet: saving is put off
    await roller.save_contexts()
    assert await counts.unique_contexts(key) == 5
    await roller.save_contexts(age=0)
    assert await counts.unique_contexts(key) == 25
    assert not [name for name in await redis.execute("KEYS", "*") if b"spare" in name]


async def test_contexts_of_an_experiment_that_is_gone_are_not_saved(
    engine: AsyncEngine, key: Key, adding: Adding, roller: Roller
) -> None:
    await adding()
    await roller.roll_up()
    async with get_session(engine, key[0]) as session:
        await Experiments(session, key[0]).remove(key[1])
    await roller.save_contexts(age=0)
    async with get_session(engine, key[0]) as session:
        assert await Sketches(session).get([key]) == {}


async def test_several_at_once_while_it_goes_on(
    engine: AsyncEngine, redis: RedisClient, key: Key, counts: Counts, adding: Adding
) -> None:
    async def roll_up_often() -> None:
        for _ in range(5):
            await Roller(engine, counts).roll_up()

    async def add_often() -> None:
        for number in range(40):
            await adding(hours_ago=number % 4)

    await asyncio.gather(add_often(), *(roll_up_often() for _ in range(3)))
    await Roller(engine, counts).roll_up()
    assert await rolled(engine, key) == [40, 40, 40]


async def test_counts_of_an_experiment_that_is_gone_go_as_well(
    engine: AsyncEngine, key: Key, counts: Counts, adding: Adding, roller: Roller
) -> None:
    await adding()
    async with get_session(engine, key[0]) as session:
        await Experiments(session, key[0]).remove(key[1])
    await roller.roll_up()
    assert key not in await counts.ahead(0, 100)
    assert (await counts.read([key]))[0].cells == {}
    assert await counts.unique_contexts(key) == 0


async def test_unreadable_counts_keep_no_others_back(
    engine: AsyncEngine,
    redis: RedisClient,
    key: Key,
    counts: Counts,
    adding: Adding,
    roller: Roller,
    caplog: pytest.LogCaptureFixture,
) -> None:
    broken = Adding(counts, (key[0], "f" * 32))
    await broken()
    name = keys.counts(1, 0, key[0], "f" * 32)
    await redis.execute("HSET", name, "1:0", b"\xc1")
    await adding()
    await roller.roll_up()
    assert await rolled(engine, key) == [1, 1, 1]
    assert "unreadable counts" in caplog.text
