"""Calls of a minute, summed over workers."""

from __future__ import annotations

import asyncio

from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import keys
from qbrixstore.redis.usage import Usage

MINUTE = 29_000_000


async def test_counts_add_up(client: RedisClient, layout: Layout) -> None:
    workers = [Usage(client, layout) for _ in range(4)]
    await asyncio.gather(*(one.add(MINUTE, {"k": 3, "u": 1}) for one in workers))
    assert await workers[0].get(MINUTE, "k") == 12
    assert await workers[0].get(MINUTE, "u") == 4
    assert await workers[0].get(MINUTE, "other") == 0
    assert await workers[0].get(MINUTE + 1, "k") == 0


async def test_a_minute_is_forgotten(client: RedisClient, layout: Layout) -> None:
    usage = Usage(client, layout)
    await usage.add(MINUTE, {})
    key = keys.usage(layout.number, MINUTE)
    assert await client.execute("EXISTS", key) == 0
    await usage.add(MINUTE, {"k": 1})
    assert 0 < await client.execute("TTL", key) <= 180
