"""Other numbers of shards: all is carried, and every crash can be gone on from."""

from __future__ import annotations

import asyncio

import pytest
from tests.store.redis.moving import EVENTS
from tests.store.redis.moving import NAMES
from tests.store.redis.moving import PAIRS
from tests.store.redis.moving import Store
from tests.store.redis.moving import chosen
from tests.store.redis.moving import moved
from tests.store.redis.moving import names
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import definition
from tests.store.redis.samples import event
from tests.store.redis.samples import stored
from tests.store.redis.samples import update

from qbrixstore.cells import Cell
from qbrixstore.cells import Group
from qbrixstore.redis import Changes
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import keys
from qbrixstore.redis import layout as layouts
from qbrixstore.redis.batch import order
from qbrixstore.redis.choices import Choices
from qbrixstore.redis.counts import Batch
from qbrixstore.redis.moving import clean
from qbrixstore.redis.moving import migrate
from qbrixstore.redis.moving import migration
from qbrixstore.redis.refusals import LayoutMismatch


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody follows who would have to be waited for."""
    monkeypatch.setattr(migration, "FOLLOW_SEC", 0.0)
    monkeypatch.setattr(layouts, "FOLLOW_SEC", 0.01)


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1), (3, 2), (2, 5)])
async def test_everything_is_carried(
    client: RedisClient, before: int, after: int
) -> None:
    store = await Store.filled(client, before)
    held, fences = await store.means(), await store.fences()
    now = await moved(client, after)
    assert now.layout == Layout(2, after, store.layout.incarnation)
    assert await now.means() == held
    assert await now.fences() == [max(fences)] * after
    assert await names(client) == {f"qbrix:{{s2.{shard}" for shard in range(after)}


async def test_there_and_back_again(client: RedisClient) -> None:
    store = await Store.filled(client, 1)
    held = await store.means()
    for number, shards in enumerate((3, 2, 1), start=2):
        now = await moved(client, shards)
        assert now.layout.number == number
        assert await now.means() == held


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
async def test_a_token_is_used_once_whatever_the_shards(
    client: RedisClient, before: int, after: int
) -> None:
    await Store.filled(client, before)
    now = await moved(client, after)
    assert await now.publisher.append(EVENTS) == [False] * len(EVENTS)
    others = [event(n, issuer=8, experiment=e) for n, e in enumerate(NAMES)]
    assert await now.publisher.append(others) == [True] * len(EVENTS)
    again = await moved_drained(client, now, before)
    assert await again.publisher.append(EVENTS + others) == [False] * 2 * len(EVENTS)


async def moved_drained(client: RedisClient, store: Store, shards: int) -> Store:
    for shard in range(store.layout.shards):
        consumer = RedisStreamConsumer(client, store.layout, "c", shard)
        await consumer.acquire()
        await consumer.commit(await consumer.read(1_000))
    return await moved(client, shards)


async def test_what_comes_next_is_behind_all_that_was_learned(
    client: RedisClient,
) -> None:
    """States say through what they learned: ids of another log must be larger."""
    store = await Store.filled(client, 2)
    far = f"{2**43}-5"  # the clock of that node goes wrong
    await client.execute("XSETID", store.layout.log(1), far)
    now = await moved(client, 3)
    await now.publisher.append(
        [event(n, experiment=name) for n, name in enumerate(NAMES, 50)]
    )
    for shard in range(3):
        consumer = RedisStreamConsumer(client, now.layout, "c", shard)
        assert await consumer.acquire()
        assert consumer.position == far
        batch = await consumer.read(100)
        assert order(batch.entries[0].id) > order(far)
        here = [name for name in NAMES if now.layout.shard_of(name) == shard]
        assert batch.events == len(here)
        await consumer.commit(batch, [update(1, name) for name in here])
    assert await now.params.versions(PAIRS) == [(0, 2)] * len(NAMES)


async def test_what_waits_is_learned_first(client: RedisClient) -> None:
    store = await Store.filled(client, 1)
    consumer = RedisStreamConsumer(client, store.layout, "c")
    assert await consumer.acquire()
    assert await store.publisher.append([event(60)]) == [True]
    migrating = asyncio.create_task(migrate(client, 2))
    with pytest.raises(LayoutMismatch):
        async with asyncio.timeout(20):
            for number in range(100, 10_000):
                await store.publisher.append([event(number)])
    # what was acknowledged until then is learned, also by a cortex that just starts
    late = RedisStreamConsumer(client, store.layout, "c")
    assert await late.acquire()
    while (batch := await late.read(1_000)).entries:
        await late.commit(batch)
    layout, _ = await migrating
    assert layout.shards == 2
    counters = (await Store(client, layout).means())["counters"]
    assert counters["events"] == counters["handled"] > len(EVENTS)


async def test_batches_of_workers_are_added_once(client: RedisClient) -> None:
    """Also when the answer was lost, and the shards are others since."""
    store = await Store.filled(client, 2)
    held = await store.counts.read(PAIRS)
    groups = [Group(TENANT, name, 495_000, {0: Cell(3)}, [name]) for name in NAMES]
    now = await moved(client, 3)
    assert not await now.counts.add(Batch("w", 7, groups))
    assert await now.counts.read(PAIRS) == held
    assert await now.counts.add(Batch("w", 8, groups))
    choices = [chosen(name) for name in NAMES]
    assert await Choices(client, now.layout, "w").append(1, choices)
    assert not await Choices(client, now.layout, "w").append(1, choices)


async def test_everything_is_refused_while_shards_are_closed(
    client: RedisClient,
) -> None:
    store = await Store.filled(client, 1)
    consumer = RedisStreamConsumer(client, store.layout, "c")
    assert await consumer.acquire()
    batch = await consumer.read(10)
    await client.execute("HSET", store.layout.meta(0), "layout", store.layout.sealed)
    for refused in (
        store.publisher.append([event(70)]),
        consumer.commit(batch),
        consumer.acquire(),
        store.definitions.publish(definition(version=9), stored()),
        store.definitions.remove(TENANT, "e1", 9),
        store.counts.add(Batch("w", 9, [Group(TENANT, "e1", 1, {0: Cell(1)}, [])])),
        Choices(client, store.layout, "w").append(9, [chosen("e1")]),
        store.params.get(TENANT, "unknown"),
        Changes(client, store.layout).announce(keys.CREDENTIALS, [(TENANT, "u")]),
    ):
        with pytest.raises(LayoutMismatch):
            await refused


async def test_who_follows_hears_news_of_the_new_shards(client: RedisClient) -> None:
    store = await Store.filled(client, 1)
    layout = Layout(store.layout.number, 1, store.layout.incarnation)
    following = asyncio.create_task(layout.follow(client))
    feed = Changes(client, layout, poll_sec=0.02).listen(keys.DEFINITIONS)
    assert await anext(feed) is None
    now = await moved(client, 3)
    # anything may have changed meanwhile
    assert await asyncio.wait_for(anext(feed), 20) is None
    assert layout == now.layout
    await now.definitions.publish(definition(version=5, experiment="e3"), stored())
    assert await asyncio.wait_for(anext(feed), 20) == (TENANT, "e3")
    await feed.aclose()
    following.cancel()
    await clean(client)
