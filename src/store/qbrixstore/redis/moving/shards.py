"""The keys of a shard, found wherever the shard is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from qbrixstore.redis import keys
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script

_SCAN: Final = Script("scan")
KEYS_A_PAGE: Final = 500
KEYS_A_CALL: Final = 100


async def pages(
    client: RedisClient, layout: int, shard: int
) -> AsyncIterator[list[str]]:
    """The keys of a shard; one may come more than once. Raises Unavailable."""
    meta, pattern = keys.meta(layout, shard), f"{keys.prefix(layout, shard)}*"
    cursor = b"0"
    while True:
        cursor, found = await client.call(_SCAN, [meta], [cursor, pattern, KEYS_A_PAGE])
        if found:
            yield [key.decode() for key in found]
        if cursor == b"0":
            return


async def purge(client: RedisClient, layout: int, shards: int) -> None:
    """Forget all that a layout holds. Raises Unavailable."""
    for shard in range(shards):
        async for page in pages(client, layout, shard):
            for start in range(0, len(page), KEYS_A_CALL):
                await client.execute("UNLINK", *page[start : start + KEYS_A_CALL])
