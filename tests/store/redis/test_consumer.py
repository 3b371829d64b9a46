"""Committing: params, position, counters and news move together."""

from __future__ import annotations

from tests.store.redis.samples import TENANT
from tests.store.redis.samples import events
from tests.store.redis.samples import update

from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis.batch import DeadLetter
from qbrixstore.redis.batch import Tally
from qbrixstore.redis.batch import order
from qbrixstore.redis.consumer import Bounds
from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.gauges import Total


async def entries(client: RedisClient, layout: Layout) -> int:
    return int(await client.execute("XLEN", layout.log(0)))


async def test_a_commit_moves_everything_together(
    client: RedisClient,
    layout: Layout,
    consumer: RedisStreamConsumer,
    published: RedisStreamPublisher,
) -> None:
    await published.append(events(*range(70)))
    batch = await consumer.read(100)
    await published.append(events(1_000))
    dead = DeadLetter(batch.entries[1].id, 3, "no such arm", batch.entries[1].events[3])
    done = update(0, learned=66, tally=Tally(stale=2, dead=(dead,)))
    await consumer.commit(batch, [done], Tally(dropped=1))

    gauges = ShardGauges(client, layout)
    assert await gauges.counters() == {
        "events": 71,
        "handled": 70,
        "learned": 66,
        "stale": 2,
        "dropped": 1,
        "dead": 1,
    }
    assert await gauges.position() == consumer.position == batch.end
    assert await gauges.waiting() == {"e1": 1}
    totals = await gauges.totals()
    assert totals == await gauges.totals("e1")
    assert totals["e1"].learned == 66
    assert totals["e1"].at_ms >= order(batch.end)[0]
    assert await gauges.totals("e2") == {}
    found = await RedisParamBackend(client, layout).get(TENANT, "e1")
    assert found is not None and found.header.version == 1
    key = layout.params(TENANT, "e1")
    assert await client.execute("HMGET", key, "f", "g", "v") == [b"1", b"0", b"1"]
    ((_, letter),) = await client.execute("XRANGE", layout.dead(0), "-", "+")
    assert dict(zip(letter[::2], letter[1::2], strict=True)) == {
        b"id": dead.id.encode(),
        b"offset": b"3",
        b"reason": b"no such arm",
        b"event": dead.event,
    }


async def test_only_committed_entries_are_trimmed(
    client: RedisClient,
    layout: Layout,
    consumer: RedisStreamConsumer,
    published: RedisStreamPublisher,
) -> None:
    for sequence in range(10):
        await published.append(events(sequence))
    first = await consumer.read(4)
    rest = await consumer.read(100)
    assert len(first.entries) == 4
    await consumer.commit(first)
    assert await entries(client, layout) == 6
    await consumer.commit(rest)
    assert await entries(client, layout) == 0
    await published.append(events(10))
    await consumer.resync()
    assert (await consumer.read(10)).events == 1


async def test_dead_letters_are_kept_up_to_a_number(
    client: RedisClient, layout: Layout, published: RedisStreamPublisher
) -> None:
    bounds = Bounds(dead_letters=100)
    consumer = RedisStreamConsumer(client, layout, "c-0", bounds=bounds)
    await consumer.acquire()
    await published.append(events(1))
    batch = await consumer.read(10)
    letters = tuple(DeadLetter(batch.end, row, "why", b"e") for row in range(1_000))
    await consumer.commit(batch, [], Tally(dead=letters))
    kept = await client.execute("XLEN", layout.dead(0))
    assert 100 <= kept < 400
    assert (await ShardGauges(client, layout).counters())["dead"] == 1_000


async def test_totals_go_with_the_experiment(
    client: RedisClient,
    layout: Layout,
    consumer: RedisStreamConsumer,
    published: RedisStreamPublisher,
) -> None:
    await published.append(events(1))
    await consumer.commit(await consumer.read(10), [update(0)])
    gauges = ShardGauges(client, layout)
    assert isinstance((await gauges.totals("e1"))["e1"], Total)
    await Definitions(client, layout).remove(TENANT, "e1", 2)
    assert await gauges.totals() == {}
