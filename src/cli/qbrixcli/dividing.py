"""Dividing the store into another number of shards, while the services run."""

from __future__ import annotations

import argparse
import time
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from typing import Final

from qbrixcli.embedded.errors import StartError
from qbrixcli.repairing import reach_redis
from qbrixcli.repairing import reached
from qbrixcli.stores import REDIS_USERS
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import moving
from qbrixstore.redis.config import MOST_SHARDS
from qbrixstore.redis.config import Limits

# a shard's largest hashes are read and written whole
PATIENT: Final = Limits(reply=30.0)

Work = Callable[[RedisClient, argparse.Namespace], Awaitable[str]]


async def with_store(
    work: Work, options: argparse.Namespace, environ: Mapping[str, str]
) -> str:
    """What the work has to say. Raises StartError."""
    async with reach_redis(reached(environ, REDIS_USERS), PATIENT) as client:
        return await work(client, options)


async def show(client: RedisClient, options: argparse.Namespace) -> str:
    """How many shards there are, and what was to come."""
    layout = await Layout.read(client)
    text = _told(layout.shards)
    left = await moving.unfinished(client)
    if left is None:
        return text
    return (
        f"{text}; a migration to {left.shards} is under way or was interrupted:"
        f" qbrix shards migrate {left.shards} goes on with it, and"
        " qbrix shards rollback gives it up"
    )


async def migrate(client: RedisClient, options: argparse.Namespace) -> str:
    """Everything carried. Raises StartError."""
    if not 1 <= options.count <= MOST_SHARDS:
        raise StartError(f"got {options.count} shards, wants 1 to {MOST_SHARDS}")
    start = time.monotonic()
    layout, copied = await moving.migrate(client, options.count, options.drain)
    return (
        f"{_told(layout.shards)}: carried {copied} keys in"
        f" {time.monotonic() - start:.1f} s; set CORTEX_SHARDS={layout.shards} for"
        " proxy and cortex before their next start"
    )


async def roll_back(client: RedisClient, options: argparse.Namespace) -> str:
    """The store as it was before a migration that was interrupted."""
    left = await moving.roll_back(client)
    layout = await Layout.read(client)
    if left is None:
        return f"{_told(layout.shards)}: there is nothing to give up"
    return f"{_told(layout.shards)}: gave the migration to {left.shards} up"


def _told(shards: int) -> str:
    return f"the store has {shards} shard{'s' if shards > 1 else ''}"
