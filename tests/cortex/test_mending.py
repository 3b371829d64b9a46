"""Params of a single experiment that Redis has lost come back as they were."""

from __future__ import annotations

import pytest
from tests.cortex.test_emptied import Place
from tests.cortex.test_emptied import place
from tests.cortex.test_emptied import running

from cortexsvc import mending
from qbrixstore.postgres import PostgresSettings
from qbrixstore.rebuild import AHEAD
from qbrixstore.rebuild import Backup
from qbrixstore.redis import RedisSettings

__all__ = ["place"]


async def lose(place: Place) -> None:
    key = place.shard.layout.params(*place.key)
    assert await place.shard.client.execute("DEL", key) == 1


async def test_the_next_reward_brings_them_back(
    place: Place, redis_server: RedisSettings, postgres_server: PostgresSettings
) -> None:
    async with running(redis_server, postgres_server):
        await place.shard.append(*place.rewards(40, start=0))
        await place.shard.until(lambda: place.learned(40))
        before = await place.stored()
        assert await place.kept() == [], "only memory has it"
        await lose(place)
        await place.shard.append(*place.rewards(1, start=100))

        async def back() -> bool:
            version = await place.shard.params.version(*place.key)
            return version is not None and await place.learned(41)

        await place.shard.until(back)
        after = await place.stored()
    assert sum(after.state.pulls) == sum(before.state.pulls) + 1
    assert after.header.version > before.header.version + AHEAD
    counters = await place.shard.gauges.counters()
    assert (counters["learned"], counters["dead"]) == (41, 0)


async def test_they_come_back_without_any_reward(
    place: Place,
    redis_server: RedisSettings,
    postgres_server: PostgresSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mending, "LOOK_SEC", 0.05)
    async with running(redis_server, postgres_server):
        await place.shard.append(*place.rewards(40, start=0))
        await place.shard.until(lambda: place.learned(40))
        before = await place.stored()
        await lose(place)

        async def back() -> bool:
            return await place.shard.params.version(*place.key) is not None

        await place.shard.until(back)
        after = await place.stored()
    assert after.state.pulls.tolist() == before.state.pulls.tolist()
    assert after.header.version == before.header.version + AHEAD


async def test_what_was_removed_stays_so(place: Place) -> None:
    """A tombstone has no params, and lacks none."""
    backup = Backup(place.shard.client, place.engine, place.shard.layout)
    assert place.key in await backup.experiments()
    assert await backup.lacking([place.key]) == []
    await lose(place)
    assert await backup.lacking([place.key, ("t", "unknown")]) == [place.key]
    await place.shard.definitions.remove(*place.key, 2)
    assert await backup.lacking([place.key]) == []
