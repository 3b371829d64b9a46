"""The stores as a worker finds them when it starts."""

from __future__ import annotations

import asyncio
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixstore.postgres.migrate import schema_is_current
from qbrixstore.rebuild import open_store
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.layout import Layout

logger = get_logger(__name__)

PATIENCE: Final = 30.0  # seconds that a starting worker waits for redis
RETRY_SEC: Final = 0.25


async def note_schema(engine: AsyncEngine) -> None:
    """Say so when the tables are not this version's; a newer one may well do."""
    try:
        if not await schema_is_current(engine):
            logger.error("the database schema is not this version's: run qbrix migrate")
    except Unavailable as error:
        logger.warning("starting without postgres: %s", error)


async def layout_of(redis: RedisClient, engine: AsyncEngine, shards: int) -> Layout:
    """The layout of the store, waited for while it starts. Raises Unavailable.

    An empty one gets ``shards`` shards.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        try:
            return await open_store(redis, engine, shards)
        except Unavailable as error:
            if asyncio.get_running_loop().time() > deadline:
                raise
            logger.warning("waiting for redis: %s", error)
            await asyncio.sleep(RETRY_SEC)
