"""Owning a shard: one at a time, at once under the same name, later under another."""

from __future__ import annotations

import asyncio

import pytest

from qbrixcore.errors import Unavailable
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis.refusals import Fenced


def consumer(
    client: RedisClient, layout: Layout, name: str, lease_ms: int = 60_000
) -> RedisStreamConsumer:
    return RedisStreamConsumer(client, layout, name, lease_ms=lease_ms)


async def test_another_name_waits_for_the_lease(
    client: RedisClient, layout: Layout
) -> None:
    first, second = consumer(client, layout, "a"), consumer(client, layout, "b")
    assert await first.acquire()
    assert not await second.acquire()
    await client.execute("PEXPIRE", layout.lease(0), 1)
    await asyncio.sleep(0.02)
    assert await second.acquire()
    assert second.fence == first.fence + 1
    with pytest.raises(Fenced):
        await first.renew()


async def test_the_same_name_takes_over_at_once(
    client: RedisClient, layout: Layout
) -> None:
    first, second = consumer(client, layout, "a"), consumer(client, layout, "a")
    assert await first.acquire()
    assert await second.acquire()
    with pytest.raises(Fenced):
        await first.renew()
    assert not await first.acquire(takeover=False)
    await second.renew()


async def test_a_released_lease_is_free(client: RedisClient, layout: Layout) -> None:
    first, second = consumer(client, layout, "a"), consumer(client, layout, "b")
    await first.acquire()
    await first.release()
    assert await second.acquire()
    await first.release()
    assert not await first.acquire(), "a late release does not free another's lease"


async def test_a_renewed_lease_lasts(client: RedisClient, layout: Layout) -> None:
    first = consumer(client, layout, "a", lease_ms=3_000)
    await first.acquire()
    await client.execute("PEXPIRE", layout.lease(0), 500)
    await first.renew()
    assert 2_000 < await client.execute("PTTL", layout.lease(0)) <= 3_000


async def test_an_expired_lease_nobody_took_is_renewed(
    client: RedisClient, layout: Layout
) -> None:
    first = consumer(client, layout, "a")
    await first.acquire()
    await client.execute("DEL", layout.lease(0))
    await first.renew()
    assert not await consumer(client, layout, "b").acquire()


async def test_nobody_owns_an_emptied_store(
    client: RedisClient, layout: Layout
) -> None:
    await client.execute("FLUSHALL")
    with pytest.raises(Unavailable, match="layout"):
        await consumer(client, layout, "a").acquire()
    assert await client.execute("DBSIZE") == 0
