"""What the runtime routes tell of the parts that run, and of those that do not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.insight.test_counting import event
from tests.proxy.people import Person
from tests.proxy.people import add_person
from tests.proxy.samples import definition
from tests.proxy.waiting import eventually

from cortexsvc.app import cortex
from cortexsvc.settings import CortexSettings
from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from proxysvc.app import proxy
from proxysvc.settings import MotorAddress
from proxysvc.settings import ProxySettings
from qbrixcli.embedded.ports import free_port
from qbrixstore.postgres import PostgresSettings
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.publisher import RedisStreamPublisher

RUNTIME = "/api/v1/runtime"


async def told(client: httpx.AsyncClient, path: str) -> tuple[int, Any]:
    answer = await client.get(f"{RUNTIME}{path}")
    return answer.status_code, answer.json()


@pytest.fixture
async def whole(
    beside: ProxySettings,
    postgres_server: PostgresSettings,
    redis_server: RedisSettings,
    admin: Person,
) -> AsyncIterator[httpx.AsyncClient]:
    """A worker of a system in which everything runs."""
    learning = CortexSettings(grpc_port=0, redis=redis_server, postgres=postgres_server)
    async with (
        cortex(learning),
        proxy(beside) as worker,
        client_of(worker, admin.headers) as client,
    ):
        yield client


async def test_everything_runs(whole: httpx.AsyncClient) -> None:
    for service in ("redis", "motor", "cortex"):
        path, well = f"/{service}/health", {"service": service, "status": "ok"}

        async def is_well(path: str = path, well: object = well) -> bool:
            return await told(whole, path) == (200, well)

        # motor and cortex may still be starting
        await eventually(is_well)
    status, size = await told(whole, "/redis/stream/size")
    assert status == 200
    assert size == {"len": 0}


async def test_one_motor_of_two_is_enough_and_not_well(
    settings: ProxySettings, redis_server: RedisSettings, admin: Person
) -> None:
    ports = [free_port(), free_port()]
    hosts = tuple(f"127.0.0.1:{port}" for port in ports)
    settings = msgspec.structs.replace(settings, motor=MotorAddress(host=hosts))
    async with AsyncExitStack() as stack:
        worker = await stack.enter_async_context(proxy(settings))
        client = await stack.enter_async_context(client_of(worker, admin.headers))

        async def says(status: str, degraded: list[str]) -> None:
            async def is_so() -> bool:
                answer = await told(client, "/motor/health")
                ready = (await client.get("/health/ready")).json()
                return (
                    answer == (200, {"service": "motor", "status": status})
                    and ready.get("degraded", []) == degraded
                )

            await eventually(is_so)

        one, two = (MotorSettings(grpc_port=port, redis=redis_server) for port in ports)
        async with motor(one):
            await says("degraded", ["1 of 2 motors"])
            async with motor(two):
                await says("ok", [])
            await says("degraded", ["1 of 2 motors"])
        assert (await told(client, "/motor/health"))[0] == 503


async def test_the_stream_is_as_long_as_what_waits(
    redis: RedisClient, client: httpx.AsyncClient
) -> None:
    layout = await Layout.ensure(redis)
    sent = [event(definition(), 0, 1.0, number) for number in range(70)]
    before = (await told(client, "/redis/stream/size"))[1]["len"]
    await RedisStreamPublisher(redis, layout).append(sent)
    # events, however few entries of the stream hold them
    assert await told(client, "/redis/stream/size") == (200, {"len": before + 70})


async def test_what_does_not_run_is_unavailable(client: httpx.AsyncClient) -> None:
    assert (await told(client, "/redis/health"))[0] == 200
    for service, word in (("motor", "motor"), ("cortex", "cortex")):
        status, answer = await told(client, f"/{service}/health")
        assert status == 503
        assert answer["code"] == "SERVICE_UNAVAILABLE"
        assert word in answer["detail"]


async def test_the_scope_is_asked_for(
    settings: ProxySettings, engine: AsyncEngine, admin: Person
) -> None:
    limited = await add_person(engine, "admin", ["agent:read"], admin.tenant_id)
    settings = msgspec.structs.replace(settings, motor=MotorAddress(port=free_port()))
    async with proxy(settings) as worker, client_of(worker, limited.headers) as client:
        for path in (
            "/redis/health",
            "/motor/health",
            "/cortex/health",
            "/redis/stream/size",
        ):
            assert (await told(client, path))[0] == 403


async def test_a_motor_that_comes_back_is_noticed(
    settings: ProxySettings,
    client: httpx.AsyncClient,
    redis_server: RedisSettings,
) -> None:
    async def is_well() -> bool:
        return (await told(client, "/motor/health"))[0] == 200

    # tried often enough that a caller which backs off would do so for long
    for _ in range(30):
        assert not await is_well()
        await asyncio.sleep(0.1)
    starting = MotorSettings(grpc_port=settings.motor.port, redis=redis_server)
    async with motor(starting, seed=1):
        await eventually(is_well, 10)
    assert not await is_well()
