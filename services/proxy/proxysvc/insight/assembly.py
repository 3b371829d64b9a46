"""Counting, rolling up and telling, put together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc.insight.counting import Counting
from proxysvc.insight.flushing import Flusher
from proxysvc.insight.rolling import Roller
from proxysvc.insight.runtime import RuntimeService
from proxysvc.insight.service import InsightService
from proxysvc.stream.client import MotorClient
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.layout import Layout


class Insights(NamedTuple):
    """What is served of it."""

    insight: InsightService
    runtime: RuntimeService


@asynccontextmanager
async def insights(
    engine: AsyncEngine,
    redis: RedisClient,
    layout: Layout,
    counting: Counting,
    motor: MotorClient,
) -> AsyncIterator[Insights]:
    """Deliver and roll up what is counted for as long as the block runs."""
    counts = Counts(redis, layout)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(Roller(engine, counts).running())
        await stack.enter_async_context(Flusher(counting, counts).running())
        yield Insights(
            InsightService(engine, redis, layout),
            RuntimeService(redis, layout, motor),
        )
