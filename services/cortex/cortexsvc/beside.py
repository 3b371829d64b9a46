"""What whoever owns a shard does beside training on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Protocol

from cortexsvc import pacing
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixstore.redis.consumer import RedisStreamConsumer
from qbrixstore.redis.refusals import Fenced
from qbrixstore.redis.refusals import LayoutMismatch

logger = get_logger(__name__)

Step = Callable[[RedisStreamConsumer], Awaitable[bool]]


class Companion(Protocol):
    """Work that goes on for as long as a shard is owned."""

    async def run(self, consumer: RedisStreamConsumer) -> None:
        """Work for whoever the consumer is, until cancelled; never raises."""


async def repeat(
    step: Step, consumer: RedisStreamConsumer, idle_sec: float, waits: str
) -> None:
    """Step for ever: at once while there is more to do, later while a store is away.

    ``waits`` says what does not get done meanwhile.
    """
    backoff = pacing.Backoff(asyncio.Event())
    while True:
        try:
            if not await step(consumer):
                await asyncio.sleep(idle_sec)
            backoff.reset()
        except (Fenced, LayoutMismatch):
            # the trainer is told so too, and decides
            await backoff.pause()
        except Unavailable as error:
            logger.warning("%s: %s", waits, error)
            await backoff.pause()
        except Exception:
            logger.exception(waits)
            await backoff.pause()
