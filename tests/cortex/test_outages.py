"""A Redis that freezes or dies under a running cortex, which then goes on exactly."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.cortex.samples import Shard
from tests.cortex.samples import experiment
from tests.cortex.samples import pulls
from tests.cortex.samples import random_events

from cortexsvc.app import cortex
from cortexsvc.settings import CortexSettings
from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.valkey import Valkey
from qbrixcore.errors import Unavailable
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings

NAMES = ("e1", "e2")


async def send(shard: Shard, events: list[FeedbackEvent]) -> None:
    """Append, trying again until every part is acknowledged."""
    for start in range(0, len(events), 100):
        while True:
            try:
                await shard.append(*events[start : start + 100])
                break
            except Unavailable:
                await asyncio.sleep(0.05)


@asynccontextmanager
async def learning(settings: RedisSettings) -> AsyncIterator[Shard]:
    """A store of two experiments with a cortex on it."""
    async with RedisClient(settings) as client:
        shard = Shard(client, await Layout.ensure(client))
        await shard.define(*map(experiment, NAMES))
        given = CortexSettings(
            grpc_port=0, batch_size=100, batch_timeout_ms=1, redis=settings
        )
        async with cortex(given):
            yield shard


async def check(shard: Shard, events: list[FeedbackEvent]) -> None:
    await shard.until(lambda: shard.handled(len(events)))
    for name in NAMES:
        assert await shard.pulls(name) == pulls(events, name)
    counters = await shard.gauges.counters()
    assert counters["learned"] == counters["events"] == len(events)


async def test_a_frozen_redis_is_waited_for(server_directory: Path) -> None:
    events = random_events(6_000, NAMES)
    async with Valkey(server_directory, free_port(), "secret") as server:
        async with learning(server.settings) as shard:
            sending = asyncio.create_task(send(shard, events))
            for part in (1, 3, 5):
                goal = part * 1_000
                await shard.until(lambda goal=goal: shard.handled(goal))
                os.kill(server.pid, signal.SIGSTOP)
                await asyncio.sleep(1.5)
                os.kill(server.pid, signal.SIGCONT)
            await sending
            await check(shard, events)


async def test_a_killed_redis_comes_back_with_everything(
    server_directory: Path,
) -> None:
    events = random_events(6_000, NAMES)
    port = free_port()
    settings = RedisSettings(port=port, password="secret")
    server = Valkey(server_directory, port, "secret", appendfsync="always")
    await server.__aenter__()
    try:
        async with learning(settings) as shard:
            sending = asyncio.create_task(send(shard, events))
            for part in (1, 3):
                goal = part * 1_000
                await shard.until(lambda goal=goal: shard.handled(goal))
                os.kill(server.pid, signal.SIGKILL)
                await server.wait()
                with pytest.raises(Unavailable):
                    await shard.client.ping()
                await server.__aexit__(None, None, None)
                server = Valkey(server_directory, port, "secret", appendfsync="always")
                await server.__aenter__()
            await sending
            await check(shard, events)
    finally:
        await server.__aexit__(None, None, None)
