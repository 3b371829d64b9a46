"""A store goes away and comes back; the worker stays."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.people import add_person
from tests.proxy.waiting import eventually

from proxysvc.app import proxy
from proxysvc.publishing import Publishing
from proxysvc.settings import ProxySettings
from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.postgres import Postgres
from qbrixcli.embedded.valkey import Valkey
from qbrixcore.errors import Unavailable
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.migrate import migrate
from qbrixstore.postgres.outbox import Outbox
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.layout import Layout

EXPERIMENTS = "/api/v1/experiments"


class Restarted:
    """A server of the test's own, on the same port and data every time."""

    def __init__(self, server: type[Valkey] | type[Postgres], directory: Path) -> None:
        self._made = lambda: server(directory, free, "a-long-enough-password")
        free = free_port()
        self._stack = AsyncExitStack()

    async def start(self) -> Any:
        return (await self._stack.enter_async_context(self._made())).settings

    async def stop(self) -> None:
        await self._stack.aclose()


@pytest.fixture
async def own_redis(server_directory: Path) -> AsyncIterator[Restarted]:
    server = Restarted(Valkey, server_directory / "redis")
    yield server
    await server.stop()


@pytest.fixture
async def own_postgres(server_directory: Path) -> AsyncIterator[Restarted]:
    server = Restarted(Postgres, server_directory / "postgres")
    yield server
    await server.stop()


async def make_pool(client: httpx.AsyncClient) -> dict[str, Any]:
    body = {"name": "p", "arms": [{"name": "a"}, {"name": "b"}]}
    made: dict[str, Any] = (await client.post("/api/v1/pools", json=body)).json()
    return made


async def create(client: httpx.AsyncClient, pool: dict[str, Any]) -> httpx.Response:
    body = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    return await client.post(EXPERIMENTS, json=body)


def unavailable(answer: httpx.Response) -> bool:
    assert answer.status_code == 503, answer.text
    return bool(answer.json()["code"] == "SERVICE_UNAVAILABLE")


async def test_without_redis_nothing_is_half_made(
    settings: ProxySettings, engine: AsyncEngine, own_redis: Restarted
) -> None:
    settings = msgspec.structs.replace(settings, redis=await own_redis.start())
    person = await add_person(engine)
    async with (
        proxy(settings) as worker,
        client_of(worker, person.headers) as client,
    ):
        pool = await make_pool(client)
        made = (await create(client, pool)).json()
        url = f"{EXPERIMENTS}/{made['id']}"
        await own_redis.stop()

        other = await client.post(
            EXPERIMENTS,
            json={"name": "f", "pool_id": pool["id"], "policy": "BetaTSPolicy"},
        )
        assert unavailable(other)
        assert unavailable(await client.patch(url, json={"enabled": False}))
        assert unavailable(await client.delete(url))
        (left,) = (await client.get(EXPERIMENTS)).json()["experiments"]
        assert left == made
        assert (await client.get("/health/ready")).status_code == 200

        await own_redis.start()

        async def recovered() -> bool:
            answer = await client.patch(url, json={"enabled": False})
            return answer.status_code == 200

        await eventually(recovered)

        async def relayed() -> bool:
            async with system_session(engine) as session:
                return not await Outbox(session).claim()

        await eventually(relayed)
    async with RedisClient(settings.redis) as redis:
        definitions = Definitions(redis, await Layout.read(redis))
        current = await definitions.get(person.tenant_id, made["id"])
        assert current is not None
        assert current.enabled is False


async def test_a_change_that_redis_misses_is_made_up_for(
    settings: ProxySettings, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis answers the check and goes away before the change is written."""
    person = await add_person(engine)
    async with (
        proxy(settings) as worker,
        client_of(worker, person.headers) as client,
        RedisClient(settings.redis) as redis,
    ):
        pool = await make_pool(client)
        made = (await create(client, pool)).json()

        async def lost(*given: object) -> None:
            raise Unavailable("gone")

        with monkeypatch.context() as patched:
            patched.setattr(Publishing, "withdraw", lost)
            answer = await client.delete(f"{EXPERIMENTS}/{made['id']}")
            assert answer.status_code == 200
        definitions = Definitions(redis, await Layout.read(redis))

        async def gone() -> bool:
            return await definitions.is_removed(person.tenant_id, made["id"])

        await eventually(gone)


async def test_without_postgres_warm_keys_go_on(
    settings: ProxySettings, own_postgres: Restarted
) -> None:
    at = await own_postgres.start()
    await migrate(at)
    engine = init_db(at)
    person, other = await add_person(engine), await add_person(engine)
    await engine.dispose()
    settings = msgspec.structs.replace(settings, postgres=at)
    async with (
        proxy(settings) as worker,
        client_of(worker, person.headers) as client,
        client_of(worker, other.headers) as cold,
    ):
        pool = await make_pool(client)
        await own_postgres.stop()
        assert (await client.get("/api/v1/policies")).status_code == 200
        assert unavailable(await client.get("/api/v1/pools"))
        assert unavailable(await create(client, pool))
        assert unavailable(await cold.get("/api/v1/policies"))
        await own_postgres.start()

        async def recovered() -> bool:
            return (await create(client, pool)).status_code == 201

        await eventually(recovered)
        assert (await cold.get("/api/v1/policies")).status_code == 200


async def test_a_worker_waits_for_redis_to_start(
    settings: ProxySettings, own_redis: Restarted
) -> None:
    at = await own_redis.start()
    await own_redis.stop()
    settings = msgspec.structs.replace(settings, redis=at)

    async def serve() -> int:
        async with proxy(settings) as worker, client_of(worker) as client:
            return (await client.get("/health/ready")).status_code

    serving = asyncio.create_task(serve())
    await asyncio.sleep(0.3)
    assert not serving.done()
    await own_redis.start()
    assert await serving == 200
