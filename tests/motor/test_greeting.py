"""A stream to a motor that is not ready yet."""

from __future__ import annotations

import asyncio

import pytest
from tests.motor.calls import Stream
from tests.motor.calls import arms
from tests.motor.calls import group
from tests.motor.store import Store
from tests.motor.store import definition

from motorsvc.app import motor
from motorsvc.families import Families
from motorsvc.settings import MotorSettings
from qbrixstore.redis import RedisSettings

SOON = 0.3  # a greeting takes milliseconds


async def test_it_is_greeted_once_what_is_in_use_is_compiled(
    store: Store, redis_server: RedisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = await store.publish(definition())
    asked, compiled = asyncio.Event(), asyncio.Event()

    async def warm(self: Families, names: set[str]) -> None:
        asked.set()
        await compiled.wait()

    monkeypatch.setattr(Families, "warm", warm)
    async with motor(MotorSettings(grpc_port=0, redis=redis_server)) as served:
        stream = Stream(served.port)
        greeted = asyncio.create_task(stream.__aenter__())
        await asked.wait()
        assert not (await asyncio.wait([greeted], timeout=SOON))[0]
        compiled.set()
        await greeted
        assert arms((await stream.ask(group(known, [1])))[1])
        await stream.__aexit__(None, None, None)
