"""News of changes: each one told, a lost one healed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import aclosing
from contextlib import asynccontextmanager

import pytest
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import definition
from tests.store.redis.samples import event
from tests.store.redis.samples import stored
from tests.store.redis.samples import update

from qbrixstore.redis import Changes
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis import keys
from qbrixstore.redis.changes import Change

NEVER = 3_600.0
Feed = AsyncIterator[Change | None]


@asynccontextmanager
async def feed(
    client: RedisClient, layout: Layout, topic: str = keys.PARAMS, poll: float = NEVER
) -> AsyncIterator[Feed]:
    """A listener whose connection is made."""
    async with aclosing(Changes(client, layout, poll).listen(topic)) as changes:
        assert await anext(changes) is None
        yield changes


async def test_a_put_is_told(client: RedisClient, layout: Layout) -> None:
    params = RedisParamBackend(client, layout)
    async with feed(client, layout) as changes:
        for name in ("e1", "e2"):
            await params.put(TENANT, name, stored())
        assert [await anext(changes) for _ in range(2)] == [
            (TENANT, "e1"),
            (TENANT, "e2"),
        ]


async def test_a_commit_tells_of_all_its_params_at_once(
    client: RedisClient, layout: Layout
) -> None:
    names = ("e1", "e2", "e3")
    for name in names:
        await Definitions(client, layout).publish(definition(experiment=name), stored())
    await RedisStreamPublisher(client, layout).append([event()])
    consumer = RedisStreamConsumer(client, layout, "c-0")
    await consumer.acquire()
    batch = await consumer.read(10)
    counter = ("HGET", layout.meta(0), keys.counter(keys.PARAMS))
    before = int(await client.execute(*counter))
    async with feed(client, layout) as changes:
        await consumer.commit(batch, [update(0, name) for name in names])
        assert [await anext(changes) for _ in names] == [(TENANT, n) for n in names]
    assert int(await client.execute(*counter)) == before + 1


async def test_definitions_are_told_on_their_own_topic(
    client: RedisClient, layout: Layout
) -> None:
    definitions = Definitions(client, layout)
    async with (
        feed(client, layout, keys.DEFINITIONS) as definition_changes,
        feed(client, layout, keys.PARAMS) as param_changes,
    ):
        await definitions.publish(definition(1), stored())
        assert await anext(definition_changes) == (TENANT, "e1")
        assert await anext(param_changes) == (TENANT, "e1")
        await definitions.publish(definition(2), stored())
        await definitions.publish(definition(2, "e2"), stored())
        assert await anext(definition_changes) == (TENANT, "e1")
        assert await anext(definition_changes) == (TENANT, "e2")
        assert await anext(param_changes) == (TENANT, "e2")
        await definitions.remove(TENANT, "e1", 3)
        assert await anext(definition_changes) == (TENANT, "e1")
        assert await anext(param_changes) == (TENANT, "e1")


async def test_changes_of_postgres_can_be_announced(
    client: RedisClient, layout: Layout
) -> None:
    pairs = [(TENANT, "u1"), (TENANT, "")]
    async with feed(client, layout, keys.CREDENTIALS) as changes:
        await Changes(client, layout).announce(keys.CREDENTIALS, pairs)
        assert [await anext(changes) for _ in pairs] == pairs


async def lose_a_message(client: RedisClient, layout: Layout, shard: int = 0) -> None:
    """Count a change that nobody is told of."""
    await client.execute("HINCRBY", layout.meta(shard), keys.counter(keys.PARAMS), 1)


async def test_a_gap_means_anything_may_have_changed(
    client: RedisClient, layout: Layout
) -> None:
    params = RedisParamBackend(client, layout)
    async with feed(client, layout) as changes:
        await lose_a_message(client, layout)
        await params.put(TENANT, "e1", stored())
        assert await anext(changes) is None
        await params.put(TENANT, "e2", stored())
        assert await anext(changes) == (TENANT, "e2")


async def test_the_poll_finds_a_message_that_never_came(
    client: RedisClient, layout: Layout
) -> None:
    async with feed(client, layout, poll=0.05) as changes:
        await lose_a_message(client, layout)
        assert await anext(changes) is None
        await lose_a_message(client, layout)
        assert await anext(changes) is None


async def test_quiet_polls_tell_nothing(client: RedisClient, layout: Layout) -> None:
    params = RedisParamBackend(client, layout)
    async with feed(client, layout, poll=0.01) as changes:
        waiting = asyncio.ensure_future(anext(changes))
        for number in range(20):
            await asyncio.sleep(0.01)
            await params.put(TENANT, f"e{number}", stored())
            assert await waiting == (TENANT, f"e{number}")
            waiting = asyncio.ensure_future(anext(changes))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting


async def test_a_cut_connection_is_made_again(
    client: RedisClient, layout: Layout
) -> None:
    async with feed(client, layout) as changes:
        await client.execute("CLIENT", "KILL", "TYPE", "pubsub")
        assert await anext(changes) is None
        await RedisParamBackend(client, layout).put(TENANT, "e1", stored())
        assert await anext(changes) == (TENANT, "e1")


async def test_an_unreadable_announcement_means_anything_may_have_changed(
    client: RedisClient, layout: Layout
) -> None:
    async with feed(client, layout) as changes:
        for nonsense in ("", "1", "x y", b"1 \xc1"):
            await client.execute("PUBLISH", layout.channel(0, keys.PARAMS), nonsense)
            assert await anext(changes) is None


async def test_an_emptied_store_means_anything_may_have_changed(
    client: RedisClient, layout: Layout
) -> None:
    await lose_a_message(client, layout)
    async with feed(client, layout, poll=0.05) as changes:
        await client.execute("FLUSHALL")
        assert await anext(changes) is None


async def test_every_shard_is_heard(client: RedisClient) -> None:
    layout = await Layout.ensure(client, shards=4)
    params = RedisParamBackend(client, layout)
    names = [f"e{number}" for number in range(12)]
    assert {layout.shard_of(name) for name in names} == {0, 1, 2, 3}
    async with feed(client, layout, poll=0.05) as changes:
        for name in names:
            await params.put(TENANT, name, stored())
        assert [await anext(changes) for _ in names] == [(TENANT, n) for n in names]
        await lose_a_message(client, layout, shard=3)
        assert await anext(changes) is None


async def until(true: Callable[[], bool]) -> None:
    for _ in range(4_000):
        if true():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not happen")


async def test_how_old_the_news_are_grows_while_there_are_none(
    client: RedisClient, layout: Layout
) -> None:
    changes = Changes(client, layout, poll_sec=0.01)
    before = changes.age(keys.PARAMS)
    assert changes.age(keys.PARAMS) > before
    seen: list[Change | None] = []

    async def listen() -> None:
        async for change in changes.listen(keys.PARAMS):
            seen.append(change)

    started = time.monotonic()
    listening = asyncio.create_task(listen())
    try:
        # younger than the listener: a poll has found it level
        await until(lambda: changes.age(keys.PARAMS) < time.monotonic() - started)
        put = time.monotonic()
        await RedisParamBackend(client, layout).put(TENANT, "e1", stored())
        await until(lambda: (TENANT, "e1") in seen)
        await until(lambda: changes.age(keys.PARAMS) < time.monotonic() - put)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    before = changes.age(keys.PARAMS)
    await asyncio.sleep(0.05)
    assert changes.age(keys.PARAMS) >= before + 0.04
    assert changes.age(keys.DEFINITIONS) > changes.age(keys.PARAMS)
