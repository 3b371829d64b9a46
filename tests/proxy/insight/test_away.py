"""Stores that go away and come back under the counting."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.hot.rest import Rest
from tests.proxy.people import Person
from tests.proxy.people import add_person
from tests.proxy.test_outages import Restarted
from tests.proxy.waiting import eventually

from cortexsvc.app import cortex
from cortexsvc.settings import CortexSettings
from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from proxysvc.app import proxy
from proxysvc.insight.rolling import Roller
from proxysvc.settings import MotorAddress
from proxysvc.settings import ProxySettings
from qbrixcli.embedded.postgres import Postgres
from qbrixcli.embedded.valkey import Valkey
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres.migrate import migrate
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.config import RedisSettings
from qbrixstore.redis.counts import Counts
from qbrixstore.redis.layout import Layout


@pytest.fixture
async def own_redis(server_directory: Path) -> AsyncIterator[Restarted]:
    server = Restarted(Valkey, server_directory / "redis")
    yield server
    await server.stop()


@pytest.fixture
async def at(own_redis: Restarted) -> RedisSettings:
    started: RedisSettings = await own_redis.start()
    return started


@pytest.fixture
async def rest(
    settings: ProxySettings, at: RedisSettings, admin: Person
) -> AsyncIterator[Rest]:
    """Calls of a worker and a motor whose Redis the test stops."""
    async with motor(MotorSettings(grpc_port=0, redis=at), seed=1) as served:
        mine = msgspec.structs.replace(
            settings,
            redis=at,
            motor=MotorAddress(port=served.port),
            request_timeout_ms=15_000,
        )
        async with (
            proxy(mine) as worker,
            client_of(worker, admin.headers) as client,
            RedisClient(at) as redis,
        ):
            yield Rest(client, redis, await Layout.ensure(redis))


async def told(client: httpx.AsyncClient, experiment: dict[str, Any]) -> Any:
    """The overview, None while there is none."""
    answer = await overview(client, experiment)
    return answer.json() if answer.status_code == 200 else None


async def overview(client: httpx.AsyncClient, experiment: dict[str, Any]) -> Any:
    return await client.get(f"/api/v1/insight/experiment/{experiment['id']}")


async def test_selections_made_while_redis_is_away_are_counted(
    rest: Rest, own_redis: Restarted
) -> None:
    experiment = await rest.experiment("BetaTSPolicy")
    for number in range(3):
        assert (await rest.select(experiment, id=str(number))).status_code == 200
    await own_redis.stop()
    for number in range(3, 6):
        assert (await rest.select(experiment, id=str(number))).status_code == 200
    for path in ("redis/health", "cortex/health", "redis/stream/size"):
        answer = await rest.client.get(f"/api/v1/runtime/{path}")
        assert (answer.status_code, answer.json()["code"]) == (
            503,
            "SERVICE_UNAVAILABLE",
        )
    assert (await overview(rest.client, experiment)).status_code == 503
    await own_redis.start()

    async def all_counted() -> bool:
        answer = await overview(rest.client, experiment)
        if answer.status_code == 503:
            return False
        told = answer.json()
        return (told["total_selections"], told["unique_contexts"]) == (6, 6)

    await eventually(all_counted)
    for _ in range(3):
        assert (await rest.select(experiment, id="5")).status_code == 200

    async def more_counted() -> bool:
        told = (await overview(rest.client, experiment)).json()
        return (told["total_selections"], told["unique_contexts"]) == (9, 6)

    await eventually(more_counted)


async def test_counts_wait_for_postgres(
    settings: ProxySettings, redis_server: RedisSettings, server_directory: Path
) -> None:
    postgres = Restarted(Postgres, server_directory / "postgres")
    at = await postgres.start()
    await migrate(at)
    engine = init_db(at)
    person = await add_person(engine)
    async with motor(MotorSettings(grpc_port=0, redis=redis_server), seed=1) as served:
        mine = msgspec.structs.replace(
            settings,
            postgres=at,
            motor=MotorAddress(port=served.port),
            request_timeout_ms=15_000,
        )
        async with (
            proxy(mine) as worker,
            client_of(worker, person.headers) as client,
            RedisClient(redis_server) as redis,
        ):
            layout = await Layout.ensure(redis)
            rest = Rest(client, redis, layout)
            experiment = await rest.experiment("BetaTSPolicy")
            assert (await rest.select(experiment)).status_code == 200
            await postgres.stop()
            for _ in range(4):
                assert (await rest.select(experiment)).status_code == 200
            assert (await overview(client, experiment)).status_code == 503
            await postgres.start()

            async def counted() -> bool:
                found = await told(client, experiment)
                return bool(found) and found["total_selections"] == 5

            await eventually(counted, 40)
            await Roller(engine, Counts(redis, layout)).roll_up()
            assert (await told(client, experiment))["total_selections"] == 5
    await engine.dispose()
    await postgres.stop()


async def test_an_emptied_redis_goes_on_from_what_postgres_has(
    rest: Rest,
    at: RedisSettings,
    engine: AsyncEngine,
    postgres_server: PostgresSettings,
) -> None:
    experiment = await rest.experiment("BetaTSPolicy")
    for number in range(3):
        assert (await rest.select(experiment, id=str(number))).status_code == 200

    async def counted(selections: int) -> bool:
        found = await told(rest.client, experiment)
        return bool(found) and found["total_selections"] == selections

    await eventually(lambda: counted(3))
    roller = Roller(engine, Counts(rest.redis, rest.layout))
    await roller.roll_up()
    await roller.save_contexts(age=0)
    filling = CortexSettings(grpc_port=0, redis=at, postgres=postgres_server)
    async with cortex(filling):
        await rest.redis.execute("FLUSHALL")
        await eventually(lambda: counted(3), 40)
        assert (await told(rest.client, experiment))["unique_contexts"] == 3
        assert (await rest.select(experiment, id="3")).status_code == 200
        await eventually(lambda: counted(4), 40)
        assert (await told(rest.client, experiment))["unique_contexts"] == 4
