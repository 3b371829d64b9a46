"""One round through everything that is kept in Redis."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest
from tests.store.redis.moving import chosen
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import definition
from tests.store.redis.samples import event
from tests.store.redis.samples import stored

from qbrixcore.errors import Overloaded
from qbrixcore.param import codec
from qbrixstore.cells import Cell
from qbrixstore.cells import Group
from qbrixstore.redis import Changes
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis import keys
from qbrixstore.redis.batch import DeadLetter
from qbrixstore.redis.batch import Tally
from qbrixstore.redis.batch import Update
from qbrixstore.redis.calls import Ask
from qbrixstore.redis.calls import CallBudgets
from qbrixstore.redis.choices import Choices
from qbrixstore.redis.counts import HOURS_A_DAY
from qbrixstore.redis.counts import Batch as CountBatch
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.letters import DeadLetters
from qbrixstore.redis.refusals import Fenced
from qbrixstore.redis.tail import Tail
from qbrixstore.redis.usage import Usage

HOUR = 495_000
EXPERIMENTS = tuple(f"e{number}" for number in range(12))
PAIRS = [(TENANT, experiment) for experiment in EXPERIMENTS]


async def round_of_learning(client: RedisClient, shards: int = 1) -> Layout:
    """Define, announce, append, learn, count and limit; on every shard there is."""
    layout = await Layout.ensure(client, shards)
    definitions, params = Definitions(client, layout), RedisParamBackend(client, layout)
    for experiment in EXPERIMENTS:
        assert await definitions.publish(definition(experiment=experiment), stored())
    assert await definitions.policies() == {"BetaTSPolicy"}
    assert None not in await definitions.get_many(PAIRS)
    publisher = RedisStreamPublisher(client, layout)
    events = [event(n, experiment=e) for n, e in enumerate(EXPERIMENTS)]
    assert await publisher.append(events) == [True] * len(EXPERIMENTS)
    assert await publisher.append(events) == [False] * len(EXPERIMENTS)
    listening = asyncio.Event()
    news = asyncio.create_task(heard(client, layout, listening))
    await asyncio.wait_for(listening.wait(), 10)
    for shard in range(layout.shards):
        await learn(client, layout, shard)
    assert await asyncio.wait_for(news, 10) == set(PAIRS)
    assert await params.versions(PAIRS) == [(0, 1)] * len(PAIRS)
    await count_and_limit(client, layout)
    assert await definitions.remove(TENANT, "e0", 2)
    assert await definitions.is_removed(TENANT, "e0")
    return layout


async def heard(
    client: RedisClient, layout: Layout, listening: asyncio.Event
) -> set[tuple[str, str]]:
    """The experiments whose params changed, once all of them were named."""
    found: set[tuple[str, str]] = set()
    async with aclosing(Changes(client, layout).listen(keys.PARAMS)) as feed:
        assert await anext(feed) is None
        listening.set()
        while len(found) < len(EXPERIMENTS):
            change = await anext(feed)
            assert change is not None, "an announcement was missed"
            found.add(change)
    return found


async def learn(client: RedisClient, layout: Layout, shard: int) -> None:
    """Own a shard, commit all that waits in it, and put one event aside and back."""
    consumer = RedisStreamConsumer(client, layout, f"c-{shard}", shard)
    assert await consumer.acquire()
    await consumer.renew()
    batch = await consumer.read(1_000, block_ms=100)
    here = [e for e in EXPERIMENTS if layout.shard_of(e) == shard]
    assert batch.events == len(here) > 0
    entry = batch.entries[0]
    letter = DeadLetter(entry.id, 0, "for a try", entry.events[0])
    updates = [update(experiment) for experiment in here]
    await consumer.commit(batch, updates, Tally(dead=(letter,)))
    await consumer.resync()
    gauges = ShardGauges(client, layout, shard)
    assert (await gauges.counters())["learned"] == len(here)
    assert set(await gauges.totals()) == set(here)
    letters = DeadLetters(client, layout)
    found = [one async for one in letters.all() if one.shard == shard]
    assert await letters.requeue(found) == 1
    assert (await consumer.read(1_000)).events == 1
    await record(client, layout, shard, consumer.fence)
    await consumer.release()


async def record(client: RedisClient, layout: Layout, shard: int, fence: int) -> None:
    """Put selections where the decision log finds them, read and forget them."""
    here = [chosen(e) for e in EXPERIMENTS if layout.shard_of(e) == shard]
    choices = Choices(client, layout, "w", limit=1)
    assert await choices.append(shard + 1, here)
    assert not await choices.append(shard + 1, here)
    with pytest.raises(Overloaded):
        await choices.append(shard + 2, here)
    tail = Tail.of_choices(client, layout, shard)
    entries = await tail.read()
    assert sum(len(entry.events) for entry in entries) == len(here)
    with pytest.raises(Fenced):
        await tail.trim(entries, fence - 1)
    await tail.trim(entries, fence)
    assert await tail.read() == []
    assert await choices.append(shard + 2, here)
    await tail.trim(await tail.read(), fence)


def update(experiment: str) -> Update:
    return Update(
        tenant=TENANT,
        experiment=experiment,
        expected=(0, 0),
        generation=0,
        version=1,
        state=codec.encode(stored(version=1)),
        learned=1,
    )


async def count_and_limit(client: RedisClient, layout: Layout) -> None:
    """Counts, contexts, budgets and usage."""
    counts = Counts(client, layout)
    for shard in counts.shards:
        here = [e for e in EXPERIMENTS if layout.shard_of(e) == shard]
        groups = [Group(TENANT, e, HOUR, {0: Cell(1)}, ["c"]) for e in here]
        assert await counts.add(CountBatch("w", shard + 1, groups))
        assert not await counts.add(CountBatch("w", shard + 1, groups))
        assert len(await counts.ahead(shard, 100)) > 0
    for live in await counts.read(PAIRS):
        await counts.settle(live, list(live.cells))
        await counts.merge_contexts(live.key, None)
    assert await counts.unique_contexts(PAIRS[0]) == 1
    day = HOUR // HOURS_A_DAY
    assert await counts.unique_contexts(PAIRS[0], range(day - 3, day + 1)) == 1
    budgets = CallBudgets(client, layout)
    given = await budgets.allot([Ask(f"k{n}", 10, 0, 0, 1, 1) for n in range(5)])
    assert all(one.given > 0 for one in given)
    usage = Usage(client, layout)
    await usage.add(7, {"k1": 2, "k2": 3})
    assert await usage.get(7, "k2") == 3
