"""Select and feedback while something they need is away."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.motor.own_redis import OwnRedis
from tests.proxy.conftest import client_of
from tests.proxy.hot.rest import Rest
from tests.proxy.people import add_person
from tests.proxy.waiting import eventually

from motorsvc.app import motor
from motorsvc.settings import MotorSettings
from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import MotorAddress
from proxysvc.settings import ProxySettings
from qbrixcli.embedded.ports import free_port
from qbrixstore.postgres import PostgresSettings
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient

TIMEOUT_MS = 300


class System:
    """A worker and a motor on a Redis of their own; the motor can be taken away."""

    def __init__(self, settings: ProxySettings) -> None:
        self.settings = settings
        self._motor = AsyncExitStack()

    async def start_motor(self) -> None:
        settings = MotorSettings(
            grpc_port=self.settings.motor.port, redis=self.settings.redis
        )
        await self._motor.enter_async_context(motor(settings))

    async def stop_motor(self) -> None:
        await self._motor.aclose()


@pytest.fixture
async def own_redis(server_directory: Path) -> AsyncIterator[OwnRedis]:
    server = OwnRedis(server_directory / "redis")
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def settings(postgres_server: PostgresSettings, own_redis: OwnRedis) -> ProxySettings:
    return ProxySettings(
        grpc_port=0,
        postgres=postgres_server,
        redis=own_redis.settings,
        motor=MotorAddress(port=free_port()),
        request_timeout_ms=TIMEOUT_MS,
    )


@pytest.fixture
async def system(settings: ProxySettings) -> AsyncIterator[System]:
    system = System(settings)
    yield system
    await system.stop_motor()


@pytest.fixture
async def worker(settings: ProxySettings, system: System) -> AsyncIterator[Worker]:
    async with proxy(settings) as worker:
        await system.start_motor()
        yield worker


@pytest.fixture
async def rest(
    worker: Worker, engine: AsyncEngine, settings: ProxySettings
) -> AsyncIterator[Rest]:
    person = await add_person(engine)
    async with RedisClient(settings.redis) as redis:
        async with client_of(worker, person.headers) as client:
            yield Rest(client, redis, await Layout.read(redis))


async def warm(rest: Rest) -> dict[str, object]:
    """An experiment that has answered a select."""
    known = await rest.experiment("BetaTSPolicy")

    async def answers() -> bool:
        status: int = (await rest.select(known)).status_code
        return status == 200

    await eventually(answers)
    return known


async def test_without_a_motor_a_select_is_unavailable(
    rest: Rest, system: System
) -> None:
    known = await warm(rest)
    await system.stop_motor()
    answer = await rest.select(known)
    assert answer.status_code == 503
    assert answer.json()["code"] == "SERVICE_UNAVAILABLE"
    await system.start_motor()

    async def answers() -> bool:
        status: int = (await rest.select(known)).status_code
        return status == 200

    await eventually(answers)


@pytest.mark.parametrize("how", ["stopped", "frozen"])
async def test_without_redis_warm_selects_go_on_and_feedback_is_refused(
    rest: Rest, own_redis: OwnRedis, how: str
) -> None:
    known = await warm(rest)
    token = await rest.token(known)
    if how == "stopped":
        await own_redis.stop()
    else:
        own_redis.signal(signal.SIGSTOP)
    try:
        for _ in range(5):
            assert (await rest.select(known)).status_code == 200
        refused = await asyncio.gather(*(rest.feedback(token, 1) for _ in range(5)))
        assert {answer.status_code for answer in refused} == {503}
        assert {answer.json()["code"] for answer in refused} == {"SERVICE_UNAVAILABLE"}
        cold = await rest.select({"id": "never-seen"})
        assert cold.status_code == 503
        batch = (await rest.select_batch(known, *[{"id": "somebody"}] * 5)).json()
        assert [one["error"] for one in batch["results"]] == [None] * 5
        unheard = (await rest.feedback_batch((token, 1), (token, 1))).json()
        codes = {one["error"]["code"] for one in unheard["results"]}
        assert codes == {"SERVICE_UNAVAILABLE"}
        cold = await rest.select_batch({"id": "never-seen"}, {"id": "somebody"})
        assert cold.status_code == 503
    finally:
        if how == "stopped":
            await own_redis.start_again()
        else:
            own_redis.signal(signal.SIGCONT)

    async def accepted() -> bool:
        status: int = (await rest.feedback(token, 1)).status_code
        return status == 201

    await eventually(accepted)
    assert len(await rest.logged()) == 1
