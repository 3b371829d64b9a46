"""Reading and committing: in order, fenced, all of a commit or nothing."""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import definition
from tests.store.redis.samples import events
from tests.store.redis.samples import stored
from tests.store.redis.samples import update

from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis.batch import Batch
from qbrixstore.redis.batch import DeadLetter
from qbrixstore.redis.batch import Tally
from qbrixstore.redis.batch import order
from qbrixstore.redis.consumer import Limits
from qbrixstore.redis.gauges import ShardGauges
from qbrixstore.redis.gauges import Total
from qbrixstore.redis.refusals import Fenced
from qbrixstore.redis.refusals import LayoutMismatch
from qbrixstore.redis.refusals import Moved

Dump = Callable[[], Awaitable[dict[bytes, Any]]]


@pytest.fixture
async def published(client: RedisClient, layout: Layout) -> RedisStreamPublisher:
    """Definitions e1 and e2 with their first params, and a way to append."""
    for experiment in ("e1", "e2"):
        await Definitions(client, layout).publish(
            definition(experiment=experiment), stored()
        )
    return RedisStreamPublisher(client, layout)


@pytest.fixture
async def consumer(
    client: RedisClient, layout: Layout, published: RedisStreamPublisher
) -> RedisStreamConsumer:
    consumer = RedisStreamConsumer(client, layout, "c-0")
    assert await consumer.acquire()
    return consumer


@pytest.fixture
def dump(client: RedisClient) -> Dump:
    """Everything in the store, to compare before and after."""

    async def everything() -> dict[bytes, Any]:
        names = sorted(await client.execute("KEYS", "*"))
        return {name: await client.execute("DUMP", name) for name in names}

    return everything


async def entries(client: RedisClient, layout: Layout) -> int:
    return int(await client.execute("XLEN", layout.log(0)))


async def test_reads_on_and_again_from_the_committed_position(
    consumer: RedisStreamConsumer, published: RedisStreamPublisher
) -> None:
    for start in range(0, 1_000, 50):
        await published.append(events(*range(start, start + 50)))
    first = await consumer.read(99)
    assert (first.events, len(first.entries)) == (100, 2)
    second = await consumer.read(10_000)
    assert second.start == first.end
    assert second.events == 900
    assert (await consumer.read(10)).entries == []
    await consumer.resync()
    assert (await consumer.read(99)).entries == first.entries


async def test_an_empty_log_reads_as_an_empty_batch(
    consumer: RedisStreamConsumer,
) -> None:
    batch = await consumer.read(10, block_ms=20)
    assert (batch.events, batch.start, batch.end) == (0, "0-0", "0-0")


async def test_a_batch_is_bounded_in_bytes(
    client: RedisClient, layout: Layout, published: RedisStreamPublisher
) -> None:
    big = b"x" * 4_096
    for sequence in range(2_000):
        if sequence % 500 == 0:
            await published.append(events(*range(sequence, sequence + 500), vector=big))
    limits = Limits(batch_bytes=2**20)
    consumer = RedisStreamConsumer(client, layout, "c-0", limits=limits)
    await consumer.acquire()
    sizes = []
    while (batch := await consumer.read(100_000)).entries:
        sizes.append(batch.size)
    assert sum(sizes) > 2_000 * 4_096
    assert max(sizes) < 2**20 + 64 * 5_000


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


async def cut_after(
    consumer: RedisStreamConsumer, batch: Batch, calls: int, **commit: Any
) -> None:
    """Commit, but lose the connection for good after so many script calls."""
    client = consumer._client
    lasting = client.call

    async def dying(*args: Any) -> Any:
        nonlocal calls
        if calls == 0:
            raise ConnectionResetError
        calls -= 1
        return await lasting(*args)

    client.call = dying  # type: ignore[method-assign]
    try:
        await consumer.commit(batch, **commit)
    finally:
        client.call = lasting  # type: ignore[method-assign]


async def test_a_large_commit_goes_in_parts_the_position_last(
    client: RedisClient, layout: Layout, published: RedisStreamPublisher
) -> None:
    consumer = RedisStreamConsumer(client, layout, "c-0", limits=Limits(updates=1))
    await consumer.acquire()
    await published.append(events(1, 2, 3))
    batch = await consumer.read(10)
    letter = DeadLetter(batch.end, 0, "why", b"event")
    tally = Tally(dead=(letter,))
    updates = [update(0, "e1", tally=tally), update(0, "e2", learned=1)]
    with pytest.raises(ConnectionResetError):
        await cut_after(consumer, batch, 1, updates=updates)

    backend, gauges = RedisParamBackend(client, layout), ShardGauges(client, layout)
    pairs = [(TENANT, "e1"), (TENANT, "e2")]
    assert await backend.versions(pairs) == [(0, 1), (0, 0)]
    assert await gauges.position() == "0-0"
    counters = await gauges.counters()
    assert (counters["learned"], counters["dead"], counters["handled"]) == (1, 1, 0)

    # who comes back finds e1 learned through this batch and does only the rest
    await consumer.resync()
    again = await consumer.read(10)
    assert msgspec.structs.astuple(again) == msgspec.structs.astuple(batch)
    await consumer.commit(again, updates[1:])
    assert await backend.versions(pairs) == [(0, 1), (0, 1)]
    counters = await gauges.counters()
    assert (counters["learned"], counters["dead"], counters["handled"]) == (2, 1, 3)


async def test_parts_are_bounded_in_bytes(
    client: RedisClient, layout: Layout, published: RedisStreamPublisher
) -> None:
    limits = Limits(state_bytes=1_000)
    consumer = RedisStreamConsumer(client, layout, "c-0", limits=limits)
    await consumer.acquire()
    await published.append(events(1))
    batch = await consumer.read(10)
    updates = [update(0, name, state=b"x" * 900) for name in ("e1", "e2")]
    with pytest.raises(ConnectionResetError):
        await cut_after(consumer, batch, 1, updates=updates)
    found = await RedisParamBackend(client, layout).get_bytes(TENANT, "e1")
    assert found == b"x" * 900


async def test_more_updates_than_lua_unpacks_commit_at_once(
    client: RedisClient, layout: Layout, published: RedisStreamPublisher
) -> None:
    names = [f"many{number}" for number in range(3_000)]
    definitions = Definitions(client, layout)
    for name in names:
        await definitions.publish(definition(experiment=name), stored())
    limits = Limits(updates=10_000)
    consumer = RedisStreamConsumer(client, layout, "c-0", limits=limits)
    await consumer.acquire()
    await published.append(events(1))
    batch = await consumer.read(10)
    letters = tuple(DeadLetter(batch.end, row, "why", b"e") for row in range(5_000))
    await consumer.commit(batch, [update(0, n) for n in names], Tally(dead=letters))
    counters = await ShardGauges(client, layout).counters()
    assert (counters["learned"], counters["dead"]) == (3_000, 5_000)


async def test_dead_letters_are_kept_up_to_a_number(
    client: RedisClient, layout: Layout, published: RedisStreamPublisher
) -> None:
    limits = Limits(dead_letters=100)
    consumer = RedisStreamConsumer(client, layout, "c-0", limits=limits)
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
