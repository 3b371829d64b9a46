"""Commits that are refused, and then have written nothing."""

from __future__ import annotations

import pytest
from tests.store.redis.samples import Dump
from tests.store.redis.samples import events
from tests.store.redis.samples import update

from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis.batch import DeadLetter
from qbrixstore.redis.batch import Tally
from qbrixstore.redis.refusals import Fenced
from qbrixstore.redis.refusals import LayoutMismatch
from qbrixstore.redis.refusals import Moved


@pytest.mark.parametrize("expected", [(0, 1), (1, 0), (0, 7)], ids=str)
async def test_params_changed_meanwhile_refuse_the_whole_commit(
    consumer: RedisStreamConsumer,
    published: RedisStreamPublisher,
    dump: Dump,
    expected: tuple[int, int],
) -> None:
    await published.append(events(1))
    batch = await consumer.read(10)
    before = await dump()
    with pytest.raises(Moved, match="version"):
        await consumer.commit(
            batch, [update(0, "e2"), update(0, "e1", expected=expected)]
        )
    assert await dump() == before
    await consumer.commit(batch, [update(0, "e2"), update(0, "e1")])


async def test_missing_params_refuse_the_commit(
    consumer: RedisStreamConsumer, published: RedisStreamPublisher, dump: Dump
) -> None:
    await published.append(events(1))
    batch = await consumer.read(10)
    before = await dump()
    with pytest.raises(Moved, match="none"):
        await consumer.commit(batch, [update(0, "nobody")])
    assert await dump() == before


async def test_the_same_commit_again_is_refused(
    consumer: RedisStreamConsumer, published: RedisStreamPublisher, dump: Dump
) -> None:
    await published.append(events(1))
    batch = await consumer.read(10)
    letter = DeadLetter(batch.end, 0, "why", b"event")
    await consumer.commit(batch, [], Tally(dead=(letter,)))
    before = await dump()
    with pytest.raises(Moved, match="position"):
        await consumer.commit(batch, [], Tally(dead=(letter,)))
    assert await dump() == before


async def test_a_stale_fence_is_refused(
    client: RedisClient,
    layout: Layout,
    consumer: RedisStreamConsumer,
    published: RedisStreamPublisher,
    dump: Dump,
) -> None:
    await published.append(events(1))
    batch = await consumer.read(10)
    successor = RedisStreamConsumer(client, layout, "c-0")
    assert await successor.acquire()
    assert successor.fence == consumer.fence + 1
    before = await dump()
    for attempt in (consumer.commit(batch, [update(0)]), consumer.resync()):
        with pytest.raises(Fenced):
            await attempt
    with pytest.raises(Fenced):
        await consumer.renew()
    await consumer.release()
    after = await dump()
    assert after == before
    again = await successor.read(10)
    await successor.commit(again, [update(0)])


async def test_another_layout_refuses_the_commit(
    client: RedisClient,
    layout: Layout,
    consumer: RedisStreamConsumer,
    published: RedisStreamPublisher,
    dump: Dump,
) -> None:
    await published.append(events(1))
    batch = await consumer.read(10)
    await client.execute("HSET", layout.meta(0), "layout", "2.4")
    before = await dump()
    with pytest.raises(LayoutMismatch):
        await consumer.commit(batch, [update(0)])
    with pytest.raises(LayoutMismatch):
        await consumer.acquire()
    assert await dump() == before
