"""Several worker processes on one port hear of a gate, as in production."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from tests.proxy.people import Person
from tests.proxy.processes import ProxyProcess
from tests.proxy.processes import environment
from tests.proxy.processes import running
from tests.proxy.waiting import eventually
from tests.trust import TRUST

from qbrixstore.postgres import PostgresSettings
from qbrixstore.redis.config import RedisSettings

CONNECTIONS = 24


@pytest.fixture
async def process(
    postgres_server: PostgresSettings, redis_server: RedisSettings
) -> AsyncIterator[ProxyProcess]:
    environ = environment(postgres_server, redis_server, PROXY_HTTP_WORKERS="3")
    async with running(environ) as process:
        yield process


async def chosen(process: ProxyProcess, person: Person, experiment: str) -> set[str]:
    """What connections of their own are answered, each by one worker or another."""
    found = set()
    body = {"experiment_id": experiment, "context": {"id": "x"}}
    for _ in range(CONNECTIONS):
        async with httpx.AsyncClient(headers=person.headers, verify=TRUST) as client:
            url = f"{process.url}/api/v1/agent/select"
            answer = (await client.post(url, json=body)).json()
            assert answer["is_default"], answer
            found.add(answer["arm"]["name"])
    return found


async def test_every_worker_hears_of_a_change(
    process: ProxyProcess, admin: Person
) -> None:
    async with httpx.AsyncClient(
        base_url=f"{process.url}/api/v1", headers=admin.headers
    ) as client:
        arms = [{"name": "red"}, {"name": "green"}]
        pool = await client.post("/pools", json={"name": "colours", "arms": arms})
        body = {
            "name": "e",
            "pool_id": pool.json()["id"],
            "policy": "BetaTSPolicy",
            "feature_gate": {"enabled": False, "default_arm_name": "red"},
        }
        made = (await client.post("/experiments", json=body)).json()
        assert await chosen(process, admin, made["id"]) == {"red"}
        change = {"default_arm_name": "green"}
        answer = await client.patch(f"/gates/{made['id']}", json=change)
        assert answer.status_code == 200

        async def known() -> bool:
            return await chosen(process, admin, made["id"]) == {"green"}

        await eventually(known)
