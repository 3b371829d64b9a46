"""A store goes away and comes back: gates that are warm go on deciding."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.people import add_person
from tests.proxy.test_outages import Restarted
from tests.proxy.waiting import eventually

from proxysvc.app import proxy
from proxysvc.publishing import Publishing
from proxysvc.settings import ProxySettings
from qbrixcli.embedded.valkey import Valkey
from qbrixcore.errors import Unavailable

Json = dict[str, Any]


@pytest.fixture
async def own_redis(server_directory: Path) -> AsyncIterator[Restarted]:
    server = Restarted(Valkey, server_directory / "redis")
    yield server
    await server.stop()


@pytest.fixture
async def calling(
    settings: ProxySettings, engine: AsyncEngine, own_redis: Restarted
) -> AsyncIterator[httpx.AsyncClient]:
    settings = msgspec.structs.replace(settings, redis=await own_redis.start())
    person = await add_person(engine)
    async with (
        proxy(settings) as worker,
        client_of(worker, person.headers) as client,
    ):
        yield client


async def gated(client: httpx.AsyncClient) -> Json:
    """An experiment that answers red to everybody."""
    arms = [{"name": "red"}, {"name": "green"}]
    pool = await client.post("/api/v1/pools", json={"name": "colours", "arms": arms})
    body = {
        "name": "e",
        "pool_id": pool.json()["id"],
        "policy": "BetaTSPolicy",
        "feature_gate": {"enabled": False, "default_arm_name": "red"},
    }
    made: Json = (await client.post("/api/v1/experiments", json=body)).json()
    return made


async def chosen(client: httpx.AsyncClient, experiment: Json) -> str:
    body = {"experiment_id": experiment["id"], "context": {"id": "x"}}
    answer = await client.post("/api/v1/agent/select", json=body)
    assert answer.status_code == 200, answer.text
    name: str = answer.json()["arm"]["name"]
    return name


async def test_without_redis_gates_decide_and_do_not_change(
    calling: httpx.AsyncClient, own_redis: Restarted
) -> None:
    experiment = await gated(calling)
    url = f"/api/v1/gates/{experiment['id']}"
    before = (await calling.get(url)).json()
    assert await chosen(calling, experiment) == "red"
    await own_redis.stop()
    assert await chosen(calling, experiment) == "red"
    for call in (
        calling.patch(url, json={"default_arm_name": "green"}),
        calling.put(url, json={}),
        calling.delete(url),
        calling.post(f"{url}/evaluate", json={"context_id": "x"}),
    ):
        refused = await call
        assert refused.status_code == 503, refused.text
        assert refused.json()["code"] == "SERVICE_UNAVAILABLE"
    assert (await calling.get(url)).json() == before
    assert await chosen(calling, experiment) == "red"
    await own_redis.start()

    async def changed() -> bool:
        answer = await calling.patch(url, json={"default_arm_name": "green"})
        return answer.status_code == 200

    await eventually(changed)

    async def known() -> bool:
        return await chosen(calling, experiment) == "green"

    await eventually(known)


async def test_a_change_that_redis_missed_is_relayed(
    calling: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis goes away between the commit and the telling."""
    experiment = await gated(calling)
    url = f"/api/v1/gates/{experiment['id']}"
    publish = Publishing.publish
    missed: list[int] = []

    async def once_away(self: Publishing, definition: Any) -> None:
        if not missed:
            missed.append(definition.version)
            raise Unavailable("redis went away")
        await publish(self, definition)

    monkeypatch.setattr(Publishing, "publish", once_away)
    answer = await calling.patch(url, json={"default_arm_name": "green"})
    assert answer.status_code == 200
    assert missed

    async def known() -> bool:
        return await chosen(calling, experiment) == "green"

    await eventually(known)
