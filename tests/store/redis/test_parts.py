"""Commits too large for one script call: in parts, the position last."""

from __future__ import annotations

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
from qbrixstore.redis.consumer import Bounds
from qbrixstore.redis.gauges import ShardGauges


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
    consumer = RedisStreamConsumer(client, layout, "c-0", bounds=Bounds(updates=1))
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
    bounds = Bounds(state_bytes=1_000)
    consumer = RedisStreamConsumer(client, layout, "c-0", bounds=bounds)
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
    bounds = Bounds(updates=10_000)
    consumer = RedisStreamConsumer(client, layout, "c-0", bounds=bounds)
    await consumer.acquire()
    await published.append(events(1))
    batch = await consumer.read(10)
    letters = tuple(DeadLetter(batch.end, row, "why", b"e") for row in range(5_000))
    await consumer.commit(batch, [update(0, n) for n in names], Tally(dead=letters))
    counters = await ShardGauges(client, layout).counters()
    assert (counters["learned"], counters["dead"]) == (3_000, 5_000)
