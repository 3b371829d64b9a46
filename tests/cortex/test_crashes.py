"""A crash or a lost connection at every single step: each event is learned once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.cortex.samples import Shard
from tests.cortex.samples import event
from tests.cortex.samples import experiment
from tests.cortex.samples import pulls
from tests.cortex.samples import random_events

from cortexsvc.gathering import Pace
from qbrixcore.errors import Unavailable
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis.consumer import Bounds

NAMES = ("e1", "e2", "e3")
# every experiment is committed on its own, so that crashes fall between the parts
PARTS = Bounds(updates=1)
PACE = Pace(events=100, fill_sec=0.0, idle_sec=0.01)


class Crash(BaseException):
    """The process is gone."""


class Failing(RedisClient):
    """A client that fails once, around its n-th exchange with the server."""

    def __init__(
        self, settings: RedisSettings, at: int, sent: bool, error: type[BaseException]
    ) -> None:
        super().__init__(settings)
        self.left = at
        self.sent = sent
        self.error = error

    async def execute(self, *command: Any) -> Any:
        return await self._around(super().execute(*command))

    async def pipeline(self, commands: Any) -> Any:
        return await self._around(super().pipeline(commands))

    async def call(self, script: Any, keys: Any, args: Any) -> Any:
        return await self._around(super().call(script, keys, args))

    async def _around(self, exchange: Any) -> Any:
        self.left -= 1
        if self.left == -1 and not self.sent:
            exchange.close()
            raise self.error
        reply = await exchange
        if self.left == -1:
            raise self.error
        return reply


@pytest.mark.parametrize("sent", [False, True], ids=["unsent", "reply lost"])
@pytest.mark.parametrize("error", [Crash, Unavailable], ids=["crash", "connection"])
async def test_at_every_step(
    redis_server: RedisSettings, sent: bool, error: type[BaseException]
) -> None:
    events = random_events(300, NAMES)
    poison = [event(1_000 + row, arm=50 + row, experiment="e1") for row in range(3)]
    stale = [event(2_000 + row, generation=9, experiment="e2") for row in range(4)]
    log = [*events[:100], *poison, *events[100:200], *stale, *events[200:]]
    async with RedisClient(redis_server) as client:
        step, triggered = 0, True
        while triggered:
            await client.execute("FLUSHALL")
            shard = Shard(client, await Layout.ensure(client))
            await shard.define(*map(experiment, NAMES))
            for start in range(0, len(log), 20):
                await shard.append(*log[start : start + 20])
            async with Failing(redis_server, step, sent, error) as failing:
                try:
                    trainer = shard.trainer(pace=PACE, bounds=PARTS, client=failing)
                    await shard.drain(*trainer)
                except Crash:
                    await shard.drain(*shard.trainer(pace=PACE, bounds=PARTS))
                triggered = failing.left < 0
            await check(shard, events, step)
            step += 1
        assert step > 20


async def check(shard: Shard, events: list[Any], step: int) -> None:
    assert await shard.drained()
    for name in NAMES:
        assert await shard.pulls(name) == pulls(events, name), step
        assert (await shard.state(name)).header.updates == sum(pulls(events, name))
        total = (await shard.gauges.totals(name))[name]
        assert total.learned == sum(pulls(events, name)), step
    assert await shard.gauges.counters() == {
        "events": 307,
        "handled": 307,
        "learned": 300,
        "stale": 4,
        "dropped": 0,
        "dead": 3,
    }, step
    assert len(await shard.dead()) == 3, step
    assert await shard.client.execute("XLEN", shard.layout.log(0)) == 0
