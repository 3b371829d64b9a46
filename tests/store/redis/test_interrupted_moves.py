"""A change of shards that does not come to its end can be gone on with, or not."""

from __future__ import annotations

import asyncio

import pytest
from tests.store.redis.moving import EVENTS
from tests.store.redis.moving import Dying
from tests.store.redis.moving import Store
from tests.store.redis.moving import chosen
from tests.store.redis.moving import moved
from tests.store.redis.moving import names
from tests.store.redis.samples import Dump
from tests.store.redis.samples import event

from qbrixcore.errors import Unavailable
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis import keys
from qbrixstore.redis import layout as layouts
from qbrixstore.redis.choices import Choices
from qbrixstore.redis.moving import migrate
from qbrixstore.redis.moving import migration
from qbrixstore.redis.moving import roll_back
from qbrixstore.redis.moving import unfinished
from qbrixstore.redis.moving.families import UnknownFamily
from qbrixstore.redis.moving.migration import NothingToDo
from qbrixstore.redis.moving.migration import StillWaiting
from qbrixstore.redis.refusals import Moved


@pytest.fixture(autouse=True)
def brisk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody follows who would have to be waited for."""
    monkeypatch.setattr(migration, "FOLLOW_SEC", 0.0)
    monkeypatch.setattr(layouts, "FOLLOW_SEC", 0.01)


async def test_nobody_learns_what_waits(client: RedisClient) -> None:
    store = await Store.filled(client, 2)
    await store.publisher.append([event(60)])
    with pytest.raises(StillWaiting, match="1 entries to learn"):
        await migrate(client, 3, drain_sec=0.1)
    assert await unfinished(client) is None
    assert await Layout.read(client) == store.layout
    assert await store.publisher.append([event(61)]) == [True]


async def test_selections_that_are_not_recorded_are_waited_for(
    client: RedisClient,
) -> None:
    store = await Store.filled(client, 1)
    await Choices(client, store.layout, "w").append(1, [chosen("e1")])
    with pytest.raises(StillWaiting, match="1 of selections"):
        await migrate(client, 3, drain_sec=0.1)


@pytest.mark.parametrize("writes", [2, 3, 5, 8, 13, 34, 55, 89])
async def test_a_killed_migration_is_gone_on_with_or_rolled_back(
    redis_server: RedisSettings, client: RedisClient, dump: Dump, writes: int
) -> None:
    store = await Store.filled(client, 2)
    held, before = await store.means(), await dump()
    async with Dying(redis_server, writes) as dying:
        with pytest.raises(Unavailable):
            await migrate(dying, 3)
    left = await unfinished(client)
    assert await Layout.read(client) == store.layout
    rolled = await roll_back(client)
    assert rolled == left
    assert await unfinished(client) is None
    after = await dump()
    after.pop(keys.LAYOUT.encode())
    before.pop(keys.LAYOUT.encode())
    assert after == before
    assert await store.publisher.append([EVENTS[0]]) == [False]
    async with Dying(redis_server, writes) as dying:
        with pytest.raises(Unavailable):
            await migrate(dying, 3)
    now = await moved(client, 4)
    assert await now.means() == held
    assert await names(client) == {
        f"qbrix:{{s{now.layout.number}.{n}" for n in range(4)
    }


async def test_the_old_shards_go_even_if_it_is_killed_then(
    redis_server: RedisSettings, client: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await Store.filled(client, 2)
    held = await store.means()

    async def killed(client: RedisClient) -> None:
        raise Unavailable("killed")

    with monkeypatch.context() as patch:
        patch.setattr(migration, "purge", killed)
        with pytest.raises(TypeError):
            await migrate(client, 3)
    layout = await Layout.read(client)
    assert layout.shards == 3
    assert await roll_back(client) is None, "it is in use: there is nothing to give up"
    assert await names(client) == {f"qbrix:{{s2.{shard}" for shard in range(3)}
    assert await Store(client, layout).means() == held


async def test_whoever_was_overtaken_changes_nothing(
    client: RedisClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at once, the first one frozen while it copies."""
    store = await Store.filled(client, 2)
    held = await store.means()
    reached, go_on = asyncio.Event(), asyncio.Event()
    run = migration.Copier.run

    async def frozen(copier: migration.Copier) -> None:
        await run(copier)
        reached.set()
        await go_on.wait()

    with monkeypatch.context() as patch:
        patch.setattr(migration.Copier, "run", frozen)
        first = asyncio.create_task(migrate(client, 3))
        await reached.wait()
    now = await moved(client, 4)
    go_on.set()
    with pytest.raises(Moved):
        await first
    assert await Layout.read(client) == now.layout
    assert await now.means() == held


async def test_unknown_keys_stop_it(client: RedisClient) -> None:
    store = await Store.filled(client, 1)
    await client.execute("SET", keys.prefix(1, 0) + "novelty", 1)
    with pytest.raises(UnknownFamily, match="novelty"):
        await migrate(client, 2)
    assert await Layout.read(client) == store.layout
    assert await store.publisher.append([event(80)]) == [True]


async def test_the_same_number_is_nothing_to_do(client: RedisClient) -> None:
    await Layout.ensure(client, 2)
    with pytest.raises(NothingToDo, match="has 2 shards"):
        await migrate(client, 2)
