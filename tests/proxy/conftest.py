"""A real worker on the embedded stores, built by its own composition root."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.people import Person
from tests.proxy.people import add_person
from tests.proxy.processes import environment

from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import MotorAddress
from proxysvc.settings import ProxySettings
from qbrixcli.embedded.ports import free_port
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.redis.config import RedisSettings


@pytest.fixture
def settings(
    postgres_server: PostgresSettings, redis_server: RedisSettings
) -> ProxySettings:
    return ProxySettings(
        grpc_port=0,
        metrics_port=0,
        postgres=postgres_server,
        redis=redis_server,
        motor=MotorAddress(port=free_port()),
    )


@pytest.fixture
def environ(
    postgres_server: PostgresSettings, redis_server: RedisSettings
) -> dict[str, str]:
    """What a proxy process on the embedded stores is started with."""
    return environment(postgres_server, redis_server)


@pytest.fixture
async def engine(postgres_server: PostgresSettings) -> AsyncIterator[AsyncEngine]:
    engine = init_db(postgres_server)
    yield engine
    await engine.dispose()


@pytest.fixture
async def worker(settings: ProxySettings) -> AsyncIterator[Worker]:
    async with proxy(settings) as worker:
        yield worker


def client_of(
    worker: Worker, headers: dict[str, str] | None = None
) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=worker.http),  # type: ignore[arg-type]
        base_url="http://proxy",
        headers=headers,
    )


@pytest.fixture
async def admin(engine: AsyncEngine) -> Person:
    return await add_person(engine)


@pytest.fixture
async def client(worker: Worker, admin: Person) -> AsyncIterator[httpx.AsyncClient]:
    """Calls as the administrator of a tenant of their own."""
    async with client_of(worker, admin.headers) as client:
        yield client


@pytest.fixture
async def pool(client: httpx.AsyncClient) -> dict[str, object]:
    arms = [{"name": "red"}, {"name": "green"}]
    answer = await client.post("/api/v1/pools", json={"name": "colours", "arms": arms})
    assert answer.status_code == 201
    made: dict[str, object] = answer.json()
    return made
