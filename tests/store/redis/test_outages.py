"""A server that is away, frozen or full is Unavailable, until it is back."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from tests.store.redis.samples import TENANT
from tests.store.redis.samples import definition
from tests.store.redis.samples import events
from tests.store.redis.samples import stored
from tests.store.redis.samples import update

from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.valkey import Valkey
from qbrixcore.errors import Unavailable
from qbrixstore.redis import Changes
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import RedisSettings
from qbrixstore.redis import RedisStreamConsumer
from qbrixstore.redis import RedisStreamPublisher
from qbrixstore.redis import keys
from qbrixstore.redis.config import Limits
from qbrixstore.redis.gauges import ShardGauges


@asynccontextmanager
async def impatient(settings: RedisSettings) -> AsyncIterator[RedisClient]:
    async with RedisClient(settings, Limits(reply=0.2)) as client:
        yield client


@asynccontextmanager
async def frozen(server: Valkey) -> AsyncIterator[None]:
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


async def test_a_port_nobody_listens_on_is_unavailable() -> None:
    async with impatient(RedisSettings(port=free_port())) as client:
        with pytest.raises(Unavailable):
            await client.ping()
        with pytest.raises(Unavailable):
            await Layout.ensure(client)


async def test_a_wrong_password_is_unavailable(redis_server: RedisSettings) -> None:
    wrong = msgspec.structs.replace(redis_server, password="wrong")
    async with impatient(wrong) as client:
        with pytest.raises(Unavailable):
            await client.ping()
    assert redis_server.password not in repr(redis_server)


async def test_no_call_goes_through_a_wait_that_may_lose_a_cancellation(
    redis_server: RedisSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lossy(*args: object) -> None:
        raise AssertionError("asyncio.wait_for drops cancellations before python 3.12")

    monkeypatch.setattr(asyncio, "wait_for", lossy)
    async with RedisClient(redis_server) as client:
        await client.execute("FLUSHALL")
        layout = await Layout.ensure(client)
        publisher = RedisStreamPublisher(client, layout)
        assert await publisher.append(events(1)) == [True]
        async with client.subscribe(["channel"]) as subscription:
            await client.execute("PUBLISH", "channel", "news")
            assert await subscription.next(5) == ("channel", b"news")


async def test_a_frozen_server_is_unavailable_everywhere(
    server_directory: Path,
) -> None:
    async with Valkey(server_directory, free_port(), "secret") as server:
        async with impatient(server.settings) as client:
            layout = await Layout.ensure(client)
            publisher = RedisStreamPublisher(client, layout)
            consumer = RedisStreamConsumer(client, layout, "c-0")
            assert await consumer.acquire()
            async with frozen(server):
                for attempt in (
                    client.ping(),
                    publisher.append(events(1)),
                    consumer.read(10, block_ms=100),
                    consumer.renew(),
                    Definitions(client, layout).get(TENANT, "e1"),
                    RedisParamBackend(client, layout).get(TENANT, "e1"),
                ):
                    # far longer than the client's own patience, yet not for ever
                    async with asyncio.timeout(20):
                        with pytest.raises(Unavailable):
                            await attempt
            # the append reached the server after all: the same call again settles it
            await client.ping()
            assert await publisher.append(events(1, 2)) in ([False, True], [True, True])
            assert (await ShardGauges(client, layout).counters())["events"] == 2


async def test_a_commit_whose_reply_is_lost_is_found_done(
    server_directory: Path,
) -> None:
    async with Valkey(server_directory, free_port(), "secret") as server:
        async with impatient(server.settings) as client:
            layout = await Layout.ensure(client)
            await Definitions(client, layout).publish(definition(), stored())
            publisher = RedisStreamPublisher(client, layout)
            consumer = RedisStreamConsumer(client, layout, "c-0")
            await consumer.acquire()
            for sequence in range(2):
                await publisher.append(events(sequence))
                batch = await consumer.read(10)
                if sequence == 0:
                    await consumer.commit(batch, [update(0)])
            async with frozen(server):
                with pytest.raises(Unavailable):
                    await consumer.commit(batch, [update(1)])
            # what was on the wire when the server froze is executed when it thaws
            params = RedisParamBackend(client, layout)
            async with asyncio.timeout(20):
                while await params.version(TENANT, "e1") != (0, 2):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await consumer.resync()
            assert consumer.position == batch.end
            assert (await consumer.read(10)).entries == []
            assert (await ShardGauges(client, layout).counters())["learned"] == 2


async def test_everything_goes_on_after_a_restart(server_directory: Path) -> None:
    port = free_port()
    async with AsyncServers(server_directory, port) as servers:
        async with impatient(RedisSettings(port=port, password="secret")) as client:
            layout = await Layout.ensure(client)
            publisher = RedisStreamPublisher(client, layout)
            await publisher.append(events(1))
            changes = Changes(client, layout).listen(keys.PARAMS)
            async with aclosing(changes):
                assert await anext(changes) is None
                os.kill(servers.server.pid, signal.SIGKILL)
                await servers.server.wait()
                with pytest.raises(Unavailable):
                    await publisher.append(events(2))
                await servers.restart()
                assert await anext(changes) is None
                assert await publisher.append(events(1, 2)) == [False, True]
                await RedisParamBackend(client, layout).put(TENANT, "e1", stored())
                assert await anext(changes) == (TENANT, "e1")


async def test_a_server_without_memory_takes_all_of_an_append_or_nothing(
    server_directory: Path,
) -> None:
    async with Valkey(server_directory, free_port(), "secret") as server:
        async with RedisClient(server.settings) as client:
            layout = await Layout.ensure(client)
            publisher = RedisStreamPublisher(client, layout)
            await client.execute("CONFIG", "SET", "maxmemory", 1)
            with pytest.raises(Unavailable):
                await publisher.append(events(1, 2))
            await client.execute("CONFIG", "SET", "maxmemory", 0)
            assert await publisher.append(events(1, 2)) == [True, True]


class AsyncServers:
    """A server on a fixed port and directory that can be started again."""

    def __init__(self, directory: Path, port: int) -> None:
        self._make = lambda: Valkey(directory, port, "secret", appendfsync="always")
        self.server = self._make()

    async def __aenter__(self) -> AsyncServers:
        await self.server.__aenter__()
        return self

    async def restart(self) -> None:
        await self.server.__aexit__(None, None, None)
        self.server = self._make()
        await self.server.__aenter__()

    async def __aexit__(self, *failure: object) -> None:
        await self.server.__aexit__(None, None, None)
