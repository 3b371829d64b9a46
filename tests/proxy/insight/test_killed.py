"""kill -9 of who rolls up and of who counts, at any moment: nothing counts twice."""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.insight.test_rolling import Adding
from tests.proxy.insight.test_rolling import rolled
from tests.proxy.samples import definition

from proxysvc.insight.rolling import Roller
from qbrixstore.cells import Key
from qbrixstore.postgres import PostgresSettings
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.counts import Counts

KILLS = 8
# rolls up as fast as it can, and says so each time
ROLLING = """
import asyncio, sys
import msgspec
from proxysvc.insight.rolling import Roller
from qbrixstore.postgres import PostgresSettings, init_db
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.layout import Layout

async def main():
    engine = init_db(msgspec.json.decode(sys.argv[1], type=PostgresSettings))
    at = msgspec.json.decode(sys.argv[2], type=RedisSettings)
    async with RedisClient(at) as redis:
        roller = Roller(engine, Counts(redis, await Layout.ensure(redis)))
        while True:
            await roller.roll_up()
            print("again", flush=True)

asyncio.run(main())
"""

# counts a hundred and delivers them, again and again; says what was delivered
COUNTING = """
import asyncio, sys
import msgspec
from proxysvc.insight.counting import Counting
from proxysvc.insight.flushing import Flusher
from qbrixcore.definition import Definition
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.layout import Layout

async def main():
    made = msgspec.json.decode(sys.argv[1], type=Definition)
    at = msgspec.json.decode(sys.argv[2], type=RedisSettings)
    counting = Counting()
    async with RedisClient(at) as redis:
        flusher = Flusher(counting, Counts(redis, await Layout.ensure(redis)))
        while True:
            for number in range(100):
                counting.selected(made, number % 2, False, "somebody")
            await flusher.flush()
            print(100, flush=True)

asyncio.run(main())
"""


@pytest.fixture
async def busy(counts: Counts, key: Key) -> AsyncIterator[list[int]]:
    """Adds counts all the time; how often so far."""
    adding, done = Adding(counts, key), [0]

    async def run() -> None:
        while True:
            # what is late is also let go of
            await adding(hours_ago=3 * (done[0] % 2))
            done[0] += 1

    task = asyncio.create_task(run())
    yield done
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_a_roller_killed_at_any_moment(
    postgres_server: PostgresSettings,
    redis_server: RedisSettings,
    engine: AsyncEngine,
    counts: Counts,
    key: Key,
    busy: list[int],
) -> None:
    told = [
        msgspec.json.encode(one).decode() for one in (postgres_server, redis_server)
    ]
    for _ in range(KILLS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", ROLLING, *told, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(random.randint(1, 4)):
            assert await process.stdout.readline() == b"again\n"
        await asyncio.sleep(random.random() * 0.05)
        process.kill()
        await process.communicate()
    await asyncio.sleep(0)
    before = busy[0]
    await Roller(engine, counts).roll_up()
    found = await rolled(engine, key)
    assert before <= found[0] <= busy[0] + 1
    assert len(set(found)) == 1


async def test_workers_killed_while_they_deliver(
    redis_server: RedisSettings, counts: Counts
) -> None:
    made = definition()
    told = [msgspec.json.encode(one).decode() for one in (made, redis_server)]
    delivered = 0
    for _ in range(KILLS):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", COUNTING, *told, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        assert await process.stdout.readline() == b"100\n"
        await asyncio.sleep(random.random() * 0.05)
        process.kill()
        rest, _ = await process.communicate()
        delivered += 100 + sum(map(int, rest.split()))
    [live] = await counts.read([(made.tenant, made.experiment)])
    found = sum(held.cell.selections for held in live.cells.values())
    # of each at most what arrived but was not answered before the end
    assert delivered <= found <= delivered + 100 * KILLS
    assert found % 100 == 0
