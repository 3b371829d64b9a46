"""Reading the log: in order, in bounded batches, again from what was committed."""

from __future__ import annotations

from tests.store.redis.samples import events

from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis.consumer import Bounds


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
    bounds = Bounds(batch_bytes=2**20)
    consumer = RedisStreamConsumer(client, layout, "c-0", bounds=bounds)
    await consumer.acquire()
    sizes = []
    while (batch := await consumer.read(100_000)).entries:
        sizes.append(batch.size)
    assert sum(sizes) > 2_000 * 4_096
    assert max(sizes) < 2**20 + 64 * 5_000
