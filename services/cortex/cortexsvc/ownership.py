"""Keeping a lease while its owner works."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from cortexsvc import pacing
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.background import watched
from qbrixstore.redis.consumer import RedisStreamConsumer
from qbrixstore.redis.refusals import Fenced

logger = get_logger(__name__)

RENEWALS_A_LEASE: Final = 3


@asynccontextmanager
async def kept(consumer: RedisStreamConsumer) -> AsyncIterator[asyncio.Event]:
    """Renews the lease in the background; the event is set when it is lost."""
    lost, done = asyncio.Event(), asyncio.Event()
    task = watched(_renew(consumer, lost, done), "renewing a lease")
    try:
        yield lost
    finally:
        done.set()
        await asyncio.wait([task])


async def _renew(
    consumer: RedisStreamConsumer, lost: asyncio.Event, done: asyncio.Event
) -> None:
    interval = consumer.lease_ms / 1_000 / RENEWALS_A_LEASE
    while not await pacing.wait(done, interval):
        try:
            await consumer.renew()
        except Fenced:
            lost.set()
            return
        except Unavailable as error:
            logger.debug("lease of shard %d not renewed: %s", consumer.shard, error)
