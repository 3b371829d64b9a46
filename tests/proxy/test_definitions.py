"""Definitions are warm in memory and level with Redis."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.proxy.samples import Store
from tests.proxy.samples import definition
from tests.proxy.samples import newer
from tests.proxy.waiting import eventually

from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Key
from qbrixcore.definition import Definition
from qbrixcore.errors import CorruptState
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Unavailable
from qbrixstore.redis.changes import Changes
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout


@pytest.fixture
async def store(redis_server: RedisSettings) -> AsyncIterator[Store]:
    async with RedisClient(redis_server) as client:
        yield Store(client, await Layout.ensure(client))


class Source:
    """A store in memory that counts, waits and fails when told to."""

    def __init__(self) -> None:
        self.held: dict[Key, Definition] = {}
        self.reads = 0
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    def put(self, made: Definition) -> Key:
        key = (made.tenant, made.experiment)
        self.held[key] = made
        return key

    async def get(self, tenant: str, experiment: str) -> Definition | None:
        self.reads += 1
        found = self.held.get((tenant, experiment))
        await self.gate.wait()
        if self.away:
            raise Unavailable
        return found


async def test_a_warm_entry_needs_no_store() -> None:
    source = Source()
    cache, made = DefinitionCache(source), definition()
    key = source.put(made)
    assert cache.get_cached(*key) is None
    loaded = await asyncio.gather(*(cache.load(*key) for _ in range(10)))
    source.away = True
    assert all(entry is cache.get_cached(*key) for entry in loaded)
    assert loaded[0].definition == made
    assert loaded[0].spec.name == "BetaTSPolicy"
    assert source.reads == 1


async def test_what_is_missing_is_remembered_for_a_moment() -> None:
    source = Source()
    cache, made = DefinitionCache(source, missing_for=60.0), definition()
    key = (made.tenant, made.experiment)
    for _ in range(3):
        with pytest.raises(ExperimentNotFound):
            await cache.load(*key)
    assert source.reads == 1
    source.put(made)
    cache.refresh(*key)
    assert (await cache.load(*key)).definition == made


async def test_an_answer_that_was_overtaken_is_not_kept() -> None:
    source = Source()
    cache, made = DefinitionCache(source), definition()
    key = source.put(made)
    source.gate.clear()
    loading = asyncio.create_task(cache.load(*key))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    source.put(newer(made))
    cache.refresh(*key)
    source.gate.set()
    assert (await loading).definition.version == 2
    entry = cache.get_cached(*key)
    assert entry is not None
    assert entry.definition.version == 2


async def test_an_old_entry_outlives_an_outage_when_it_changes() -> None:
    source = Source()
    cache, made = DefinitionCache(source), definition()
    key = source.put(made)
    entry = await cache.load(*key)
    source.away = True
    cache.refresh(*key)
    await eventually(lambda: asked(source, 2))
    assert cache.get_cached(*key) is entry


async def asked(source: Source, times: int) -> bool:
    return source.reads >= times


async def test_a_definition_of_an_unknown_policy_is_not_the_callers_fault() -> None:
    source = Source()
    key = source.put(msgspec.structs.replace(definition(), policy="FuturePolicy"))
    with pytest.raises(CorruptState):
        await DefinitionCache(source).load(*key)


class Failing:
    """Fails at first; later everything may have changed."""

    def __init__(self) -> None:
        self.listened = 0

    async def listen(self, topic: str) -> AsyncIterator[Key | None]:
        assert topic == "definitions"
        self.listened += 1
        if self.listened == 1:
            raise RuntimeError("a bug")
        yield None
        await asyncio.Event().wait()


async def test_following_goes_on_after_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    source = Source()
    cache, made = DefinitionCache(source), definition()
    key = source.put(made)
    await cache.load(*key)
    source.put(newer(made))
    async with cache.following(Failing()):

        async def level() -> bool:
            entry = cache.get_cached(*key)
            return entry is not None and entry.definition.version == 2

        await eventually(level)
    assert "a bug" in caplog.text


async def test_changes_made_elsewhere_arrive(
    store: Store, redis_server: RedisSettings
) -> None:
    made = definition()
    key = (made.tenant, made.experiment)
    async with RedisClient(redis_server) as client:
        elsewhere = Store(client, store.layout)
        await elsewhere.publish(made)
        await store.cache.load(*key)
        changes = Changes(store.client, store.layout)
        async with store.cache.following(changes):
            paused = newer(made, enabled=False)
            await elsewhere.publishing.publish(paused)

            async def is_paused() -> bool:
                entry = store.cache.get_cached(*key)
                return entry is not None and not entry.definition.enabled

            await eventually(is_paused)
            await elsewhere.publishing.withdraw(*key, 3)

            async def is_gone() -> bool:
                return store.cache.get_cached(*key) is None

            await eventually(is_gone)
            with pytest.raises(ExperimentNotFound):
                await store.cache.load(*key)


async def test_changes_missed_while_cut_off_are_caught_up_with(
    store: Store, redis_server: RedisSettings
) -> None:
    made = definition()
    key = (made.tenant, made.experiment)
    await store.publish(made)
    changes = Changes(store.client, store.layout)
    async with RedisClient(redis_server) as client, store.cache.following(changes):
        elsewhere = Store(client, store.layout)

        async def listening() -> bool:
            clients = await client.execute("CLIENT", "LIST", "TYPE", "pubsub")
            return bool(clients)

        await eventually(listening)
        assert await client.execute("CLIENT", "KILL", "TYPE", "pubsub") >= 1
        await elsewhere.publishing.publish(newer(made, enabled=False))

        async def is_paused() -> bool:
            entry = store.cache.get_cached(*key)
            return entry is not None and not entry.definition.enabled

        await eventually(is_paused)
