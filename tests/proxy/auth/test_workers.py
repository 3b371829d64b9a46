"""Several worker processes on one port, as in production."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import an_email
from tests.proxy.processes import ProxyProcess
from tests.proxy.processes import environment
from tests.proxy.processes import running
from tests.proxy.waiting import eventually
from tests.trust import TRUST

from qbrixstore.postgres import PostgresSettings
from qbrixstore.redis.config import RedisSettings

POOLS = "/api/v1/pools"
CONNECTIONS = 24


@pytest.fixture
async def process(
    postgres_server: PostgresSettings, redis_server: RedisSettings
) -> AsyncIterator[ProxyProcess]:
    environ = environment(
        postgres_server,
        redis_server,
        PROXY_HTTP_WORKERS="3",
        PROXY_JWT_SECRET_KEY="a-secret-that-all-of-the-workers-share",
    )
    async with running(environ) as process:
        yield process


async def statuses(url: str, headers: dict[str, str]) -> set[int]:
    """What connections of their own are answered, each by one worker or another."""
    found = set()
    for _ in range(CONNECTIONS):
        async with httpx.AsyncClient(headers=headers, verify=TRUST) as client:
            found.add((await client.get(url + POOLS)).status_code)
    return found


async def test_every_worker_knows_tokens_and_hears_of_changes(
    process: ProxyProcess,
) -> None:
    async with httpx.AsyncClient(base_url=process.url) as client:
        body = {"email": an_email(), "password": PASSWORD}
        assert (await client.post("/auth/register", json=body)).status_code == 201
        login = (await client.post("/auth/login", json=body)).json()
        bearer = {"Authorization": f"Bearer {login['access_token']}"}
        client.headers.update(bearer)
        key = (await client.post("/auth/api-keys", json={})).json()
        member = {"email": an_email(), "password": PASSWORD}
        user = (await client.post("/auth/users", json=member)).json()
        theirs = (await client.post("/auth/login", json=member)).json()
        keyed = {"X-API-Key": key["key"]}
        other = {"Authorization": f"Bearer {theirs['access_token']}"}
        for headers in (bearer, keyed, other):
            assert await statuses(process.url, headers) == {200}

        await client.delete(f"/auth/api-keys/{key['id']}")
        await client.delete(f"/auth/users/{user['id']}")

        async def out() -> bool:
            gone = [await statuses(process.url, one) for one in (keyed, other)]
            return gone == [{401}, {401}]

        await eventually(out)
        assert await statuses(process.url, bearer) == {200}
