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
from tests.proxy.test_outages import Restarted
from tests.proxy.waiting import eventually

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from proxysvc.app import proxy
from proxysvc.settings import MotorAddress
from proxysvc.settings import ProxySettings
from qbrixcli.embedded.valkey import Valkey
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.layout import Layout


@pytest.fixture
async def own_redis(server_directory: Path) -> AsyncIterator[Restarted]:
    server = Restarted(Valkey, server_directory / "redis")
    yield server
    await server.stop()


@pytest.fixture
async def rest(
    settings: ProxySettings, own_redis: Restarted, admin: Person, engine: AsyncEngine
) -> AsyncIterator[Rest]:
    """Calls of a worker and a motor whose Redis the test stops."""
    at = await own_redis.start()
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
