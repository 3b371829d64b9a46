"""Awaited rewards: a default and feedback set the same mark, so one of them counts."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import Dump
from tests.store.redis.samples import event

from qbrixcore.errors import Overloaded
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis import keys
from qbrixstore.redis.awaited import BATCHES_A_CALL
from qbrixstore.redis.awaited import GRACE_MS
from qbrixstore.redis.awaited import MARKED_MS
from qbrixstore.redis.awaited import SELECTIONS_A_CALL
from qbrixstore.redis.awaited import AwaitedBatch
from qbrixstore.redis.awaited import AwaitedReward
from qbrixstore.redis.awaited import AwaitedRewards
from qbrixstore.redis.awaited import Encoded
from qbrixstore.redis.awaited import Lapsed
from qbrixstore.redis.awaited import encode_batch
from qbrixstore.redis.event import decode
from qbrixstore.redis.publisher import Spent
from qbrixstore.redis.refusals import Fenced
from qbrixstore.redis.refusals import LayoutMismatch

ROOM = 1_000
HOUR_MS = 3_600_000


def now() -> int:
    return time.time_ns() // 1_000_000


def batch(*sequences: int, ago_ms: int = 10_000, **fields: Any) -> Encoded:
    """Selections whose windows ended some time ago."""
    given = {
        "tenant": TENANT,
        "experiment": "e1",
        "reward": 0.25,
        "due_ms": now() - ago_ms,
        "known_until_ms": now() + HOUR_MS,
        "selections": tuple(
            AwaitedReward(7, one, now() - 2 * ago_ms, 0, one % 2, 0.5, b"\0\0\x80\x3f")
            for one in sequences
        ),
    }
    return encode_batch(AwaitedBatch(**{**given, **fields}))


@pytest.fixture
def awaited(client: RedisClient, layout: Layout) -> AwaitedRewards:
    return AwaitedRewards(client, layout)


async def logged(client: RedisClient, layout: Layout) -> list[FeedbackEvent]:
    rows = await client.execute("XRANGE", layout.log(0), "-", "+")
    return [decode(data) for _, fields in rows for data in fields[1::2]]


async def lapse(awaited: AwaitedRewards, consumer: RedisStreamConsumer) -> int | None:
    return await awaited.lapse(0, consumer.fence, await awaited.due(0), ROOM)


async def counters(client: RedisClient, layout: Layout) -> list[int]:
    names = ("awaited", "settled", "defaulted", "overdue", "events")
    held = await client.execute("HMGET", layout.meta(0), *names)
    return [int(count or 0) for count in held]


async def test_what_lapsed_is_appended_with_the_default(
    client: RedisClient,
    layout: Layout,
    awaited: AwaitedRewards,
    consumer: RedisStreamConsumer,
) -> None:
    assert await awaited.put([batch(1, 2, 3)]) == 3
    assert await lapse(awaited, consumer) == 3
    found = await logged(client, layout)
    assert [one.sequence for one in found] == [1, 2, 3]
    first = found[0]
    assert (first.reward, first.arm, first.propensity) == (0.25, 1, 0.5)
    assert (first.vector, first.generation) == (b"\0\0\x80\x3f", 0)
    assert first.received_ms - first.issued_ms > 10_000
    assert await counters(client, layout) == [3, 3, 3, 0, 3]
    assert (await awaited.due(0)).batches == []
    assert await lapse(awaited, consumer) == 0


async def test_whoever_marks_first_counts(
    client: RedisClient,
    layout: Layout,
    published: RedisStreamPublisher,
    awaited: AwaitedRewards,
    consumer: RedisStreamConsumer,
) -> None:
    spent = Spent(7, 3, TENANT, "e1", 0, 1.0)
    assert await published.append([event(2), spent]) == [True, True]
    await awaited.put([batch(1, 2, 3)])
    assert await lapse(awaited, consumer) == 1
    assert await published.append([event(1), event(2)]) == [False, False]
    tokens = [("e1", 7, sequence) for sequence in (1, 2, 3, 4)]
    assert await awaited.have_lapsed(tokens) == [True, False, False, False]
    rewards = [(one.sequence, one.reward) for one in await logged(client, layout)]
    assert rewards == [(2, 1.0), (1, 0.25)]


async def test_feedback_and_defaults_at_once_append_each_token_once(
    client: RedisClient,
    layout: Layout,
    published: RedisStreamPublisher,
    awaited: AwaitedRewards,
    consumer: RedisStreamConsumer,
) -> None:
    await awaited.put([batch(*range(10 * n, 10 * n + 10)) for n in range(40)])
    lapsed = 0

    async def lapse_all() -> None:
        nonlocal lapsed
        while (await awaited.due(0)).batches:
            lapsed += await lapse(awaited, consumer) or 0

    async def reward_all() -> int:
        fresh = 0
        for sequence in reversed(range(400)):
            fresh += sum(await published.append([event(sequence)]))
        return fresh

    _, rewarded = await asyncio.gather(lapse_all(), reward_all())
    assert lapsed + rewarded == 400
    found = await logged(client, layout)
    assert sorted(one.sequence for one in found) == list(range(400))
    assert sum(one.reward == 0.25 for one in found) == lapsed


async def test_a_batch_put_again_changes_nothing(
    client: RedisClient,
    layout: Layout,
    awaited: AwaitedRewards,
    consumer: RedisStreamConsumer,
) -> None:
    one = batch(1, 2)
    assert await awaited.put([one]) == 2
    assert await awaited.put([one]) == 0
    assert await lapse(awaited, consumer) == 2
    # its answer was lost, and it comes once more after it was settled
    assert await awaited.put([one]) == 2
    assert await lapse(awaited, consumer) == 0
    assert len(await logged(client, layout)) == 2
    assert await counters(client, layout) == [4, 4, 2, 0, 2]


async def test_a_window_ends_by_the_clock_of_the_server(
    awaited: AwaitedRewards, consumer: RedisStreamConsumer
) -> None:
    await awaited.put([batch(1, ago_ms=-HOUR_MS), batch(2, ago_ms=-GRACE_MS)])
    assert (await awaited.due(0)).batches == []
    await awaited.put([batch(3, ago_ms=GRACE_MS + 1)])
    (found,) = (await awaited.due(0)).batches
    assert found.batch is not None
    assert found.batch.selections[0].sequence == 3


async def test_the_oldest_come_first_a_few_at_a_time(awaited: AwaitedRewards) -> None:
    count = BATCHES_A_CALL + 2
    await awaited.put([batch(n, ago_ms=10_000 + 100 * n) for n in range(count)])
    found = [one.batch for one in (await awaited.due(0)).batches]
    sequences = [one.selections[0].sequence for one in found if one is not None]
    assert sequences == list(reversed(range(2, count)))
    size = SELECTIONS_A_CALL // 4
    await awaited.put([batch(*range(size), ago_ms=20_000 + n) for n in range(6)])
    assert len((await awaited.due(0)).batches) == 4


async def test_who_lost_the_shard_ends_no_window(
    awaited: AwaitedRewards, consumer: RedisStreamConsumer, dump: Dump
) -> None:
    await awaited.put([batch(1)])
    lapsed, fence = await awaited.due(0), consumer.fence
    assert await consumer.acquire()
    before = await dump()
    with pytest.raises(Fenced):
        await awaited.lapse(0, fence, lapsed, ROOM)
    assert await dump() == before


async def test_two_that_read_the_same_append_it_once(
    client: RedisClient,
    layout: Layout,
    awaited: AwaitedRewards,
    consumer: RedisStreamConsumer,
) -> None:
    await awaited.put([batch(1, 2)])
    lapsed = await awaited.due(0)
    answers = [await awaited.lapse(0, consumer.fence, lapsed, ROOM) for _ in range(2)]
    assert answers == [2, 0]
    assert len(await logged(client, layout)) == 2


async def test_a_full_log_takes_no_defaults_and_none_is_lost(
    client: RedisClient,
    layout: Layout,
    published: RedisStreamPublisher,
    awaited: AwaitedRewards,
    consumer: RedisStreamConsumer,
    dump: Dump,
) -> None:
    await published.append([event(n) for n in range(10, 14)])
    await awaited.put([batch(1)])
    before, lapsed = await dump(), await awaited.due(0)
    assert await awaited.lapse(0, consumer.fence, lapsed, 4) is None
    assert await dump() == before
    assert await awaited.lapse(0, consumer.fence, lapsed, 5) == 1


async def test_only_so_many_may_wait(
    client: RedisClient, layout: Layout, consumer: RedisStreamConsumer
) -> None:
    awaited = AwaitedRewards(client, layout, limit=3)
    await awaited.put([batch(1, 2, 3)])
    with pytest.raises(Overloaded):
        await awaited.put([batch(4)])
    await lapse(awaited, consumer)
    assert await awaited.put([batch(4)]) == 1


async def test_what_may_have_been_forgotten_is_not_guessed(
    client: RedisClient,
    layout: Layout,
    awaited: AwaitedRewards,
    consumer: RedisStreamConsumer,
) -> None:
    late = batch(1, 2, known_until_ms=now() - HOUR_MS)
    await awaited.put([late, batch(3), Encoded("e1", 1, 1, b"\xc1")])
    assert await lapse(awaited, consumer) == 1
    assert [one.sequence for one in await logged(client, layout)] == [3]
    assert await counters(client, layout) == [4, 4, 1, 3, 1]


async def test_marks_of_defaults_expire_and_do_not_shorten_others(
    client: RedisClient,
    layout: Layout,
    published: RedisStreamPublisher,
    awaited: AwaitedRewards,
    consumer: RedisStreamConsumer,
) -> None:
    marks, lapsed = keys.marks(1, 0, 7, 0), keys.lapsed(1, 0, 7, 0)
    await awaited.put([batch(1)])
    await lapse(awaited, consumer)
    for key in (marks, lapsed):
        assert MARKED_MS - 60_000 < await client.execute("PTTL", key) <= MARKED_MS
    await published.append([event(2)])
    long = await client.execute("PTTL", marks)
    assert long > MARKED_MS
    await awaited.put([batch(3)])
    await lapse(awaited, consumer)
    assert await client.execute("PTTL", marks) > MARKED_MS


async def test_entries_hold_as_many_as_those_of_feedback(
    client: RedisClient,
    layout: Layout,
    awaited: AwaitedRewards,
    consumer: RedisStreamConsumer,
) -> None:
    # sequences of two chunks of marks
    first = keys.MARKS_PER_CHUNK - 50
    await awaited.put([batch(*range(first, first + 50)), batch(*range(1, 51))])
    await awaited.put([batch(*range(keys.MARKS_PER_CHUNK, first + 100))])
    assert await lapse(awaited, consumer) == 150
    rows = await client.execute("XRANGE", layout.log(0), "-", "+")
    assert [len(fields) // 2 for _, fields in rows] == [64, 64, 22]


async def test_another_layout_is_refused(
    client: RedisClient, awaited: AwaitedRewards, consumer: RedisStreamConsumer
) -> None:
    elsewhere = AwaitedRewards(client, Layout(1, 1, "another"))
    with pytest.raises(LayoutMismatch):
        await elsewhere.put([batch(1)])
    with pytest.raises(LayoutMismatch):
        await elsewhere.lapse(0, consumer.fence, Lapsed(now(), []), ROOM)
