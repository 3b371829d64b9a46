"""A commit that is cut in two is done once, and the log tells all of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
from chaos.history import read
from chaos.severing import Cut
from chaos.severing import Severing
from chaos.system import Redis
from tests.cortex.samples import TENANT
from tests.cortex.samples import Shard
from tests.cortex.samples import experiment
from tests.cortex.samples import pulls
from tests.cortex.samples import random_events

from qbrixcli.embedded.ports import free_ports
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient


@pytest.fixture
async def redis(server_directory: Path) -> AsyncIterator[Redis]:
    async with Redis(server_directory, free_ports(1)[0], "severing", "always") as redis:
        yield redis


@pytest.mark.parametrize("cut", Cut)
async def test_what_is_cut_is_learned_once_and_remembered(
    redis: Redis, cut: Cut
) -> None:
    severing = Severing(free_ports(1)[0], redis.settings.port)
    await severing.start()
    through = msgspec.structs.replace(redis.settings, port=severing.port)
    events = random_events(200, ("e1",))
    async with RedisClient(redis.settings) as client, RedisClient(through) as cortex:
        shard = Shard(client, await Layout.ensure(client))
        await shard.define(experiment("e1"))
        await shard.append(*events)
        cutting = asyncio.create_task(severing.cut(cut))
        await shard.drain(*shard.trainer(client=cortex))
        await cutting
        assert await shard.pulls("e1") == pulls(events, "e1")
    await severing.stop()
    await redis.stop()
    history = read(redis.directory, shard.layout, TENANT)
    # trimmed long ago, and still there
    assert [entry.event for entry in history.events["e1"]] == events
    assert max(version for _, version in history.reached) >= 1
