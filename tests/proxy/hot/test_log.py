"""Group commit: feedback that waits is appended together."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from proxysvc.feedback import MOST_AT_ONCE
from proxysvc.feedback import FeedbackLog
from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unavailable
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.publisher import RedisStreamPublisher


def event(sequence: int, experiment: str = "e1") -> FeedbackEvent:
    return FeedbackEvent(
        issuer=7,
        sequence=sequence,
        tenant="t1",
        experiment=experiment,
        generation=0,
        arm=0,
        reward=1.0,
    )


class Gate:
    """Appends nothing and says when and how much it was asked to."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.error: Exception | None = None
        self.batches: list[list[int]] = []

    async def append(self, events: Sequence[FeedbackEvent]) -> list[bool]:
        self.batches.append([event.sequence for event in events])
        await self.open.wait()
        if self.error is not None:
            raise self.error
        return [event.sequence % 2 == 0 for event in events]


@pytest.fixture
def gate() -> Gate:
    return Gate()


def start(log: FeedbackLog, *sequences: int) -> list[asyncio.Task[bool]]:
    return [asyncio.create_task(log.append(event(one))) for one in sequences]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_what_waits_is_appended_together(gate: Gate) -> None:
    log = FeedbackLog(gate, Layout(), 10_000, 20.0)
    first = start(log, 0)
    await settle()
    rest = start(log, *range(1, 40))
    await settle()
    assert gate.batches == [[0]]
    gate.open.set()
    fresh = await asyncio.gather(*first, *rest)
    assert fresh == [sequence % 2 == 0 for sequence in range(40)]
    assert gate.batches == [[0], list(range(1, 40))]


async def test_a_call_appends_only_so_much(gate: Gate) -> None:
    log = FeedbackLog(gate, Layout(), 10_000, 20.0)
    gate.open.set()
    await asyncio.gather(*start(log, *range(2 * MOST_AT_ONCE + 1)))
    assert max(map(len, gate.batches)) == MOST_AT_ONCE
    assert sum(map(len, gate.batches)) == 2 * MOST_AT_ONCE + 1


async def test_shards_do_not_wait_for_each_other(gate: Gate) -> None:
    layout = Layout(1, 2)
    names = {layout.shard_of(f"e{n}"): f"e{n}" for n in range(20)}
    log = FeedbackLog(gate, layout, 10_000, 20.0)
    waiting = [
        asyncio.create_task(log.append(event(shard, name)))
        for shard, name in names.items()
    ]
    await settle()
    assert sorted(gate.batches) == [[0], [1]]
    gate.open.set()
    await asyncio.gather(*waiting)


async def test_too_much_that_waits_is_refused_at_once(gate: Gate) -> None:
    log = FeedbackLog(gate, Layout(), 3, 20.0)
    waiting = start(log, 0, 1, 2)
    await settle()
    with pytest.raises(Overloaded):
        await log.append(event(3))
    gate.open.set()
    await asyncio.gather(*waiting)
    assert await log.append(event(4))


async def test_an_error_reaches_everyone_of_its_batch(gate: Gate) -> None:
    log = FeedbackLog(gate, Layout(), 10_000, 20.0)
    gate.error = Unavailable("redis is away")
    waiting = start(log, 0, 1, 2)
    await settle()
    gate.open.set()
    errors = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(error) for error in errors] == ["redis is away"] * 3
    assert len({id(error) for error in errors}) == 3
    gate.error = None
    assert await log.append(event(4))


async def test_a_silent_store_is_given_up(gate: Gate) -> None:
    log = FeedbackLog(gate, Layout(), 10_000, 0.05)
    waiting = start(log, 0)
    await settle()
    waiting += start(log, 1)
    for one in waiting:
        with pytest.raises(Unavailable, match="in time"):
            await one


async def test_who_gave_up_does_not_stop_the_others(gate: Gate) -> None:
    log = FeedbackLog(gate, Layout(), 10_000, 20.0)
    given_up, patient = start(log, 0, 2)
    await settle()
    given_up.cancel()
    await settle()
    gate.open.set()
    assert await patient
    assert given_up.cancelled()


async def test_closing_waits_for_what_is_under_way(gate: Gate) -> None:
    log = FeedbackLog(gate, Layout(), 10_000, 20.0)
    waiting = start(log, 0, 1)
    await settle()
    closing = asyncio.create_task(log.close())
    await settle()
    assert not closing.done()
    gate.open.set()
    await closing
    assert all(one.done() for one in waiting)


async def test_a_real_log_takes_each_event_once(redis_server: RedisSettings) -> None:
    async with RedisClient(redis_server) as client:
        layout = await Layout.ensure(client)
        log = FeedbackLog(RedisStreamPublisher(client, layout), layout, 10_000, 20.0)
        sequences = [*range(500), *range(250)]
        fresh = await asyncio.gather(*(log.append(event(one)) for one in sequences))
        assert sum(fresh) == 500
        count = await client.execute("XLEN", layout.log(0))
        assert 500 / 64 <= count <= 500
