"""What a plan bounds: keys that work, and experiments that run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import new_key
from tests.proxy.auth.conftest import refused
from tests.proxy.auth.conftest import sign_up
from tests.proxy.conftest import client_of
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused as refused_call

from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixproto import auth_pb2
from qbrixproto import proxy_pb2

KEYS = "/auth/api-keys"
EXPERIMENTS = "/api/v1/experiments"


@pytest.fixture
async def worker(settings: ProxySettings) -> AsyncIterator[Worker]:
    plans = ("free:100000/2/3", "pro:200000/10/0")
    async with proxy(msgspec.structs.replace(settings, plan_limits=plans)) as worker:
        yield worker


@pytest.fixture
async def founder(worker: Worker) -> Registered:
    return await sign_up(worker)


@pytest.fixture
async def owner(
    worker: Worker, founder: Registered
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(worker, founder.headers) as client:
        yield client


async def test_new_tenants_get_the_first_plan(
    founder: Registered, owner: httpx.AsyncClient
) -> None:
    assert founder.user["plan_tier"] == "free"
    key = await new_key(owner)
    assert key["rate_limit_per_minute"] == 100_000
    usage = (await owner.get(f"{KEYS}/{key['id']}/usage")).json()
    assert usage["rate_limit_per_minute"] == 100_000


async def test_keys_are_bounded_while_they_work(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    keys = [await new_key(owner) for _ in range(2)]
    detail = refused(await owner.post(KEYS, json={}), 409, "API_KEY_LIMIT_REACHED")
    assert "free" in detail
    async with calls_to(worker, founder.access) as calls:
        request = auth_pb2.CreateAPIKeyRequest(user_id=founder.user["id"])
        status, _ = await refused_call(calls.CreateAPIKey(request))
        assert status.name == "FAILED_PRECONDITION"
    await owner.post(f"{KEYS}/{keys[0]['id']}/rotate")
    await owner.delete(f"{KEYS}/{keys[0]['id']}")
    await new_key(owner)
    refused(await owner.post(KEYS, json={}), 409, "API_KEY_LIMIT_REACHED")


async def test_many_at_once_do_not_slip_through(owner: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(owner.post(KEYS, json={}) for _ in range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [201] * 2 + [409] * 6


async def experiment(
    client: httpx.AsyncClient, name: str, **more: Any
) -> httpx.Response:
    pools = (await client.get("/api/v1/pools")).json()["pools"]
    if not pools:
        body = {"name": "p", "arms": [{"name": "a"}]}
        pools = [(await client.post("/api/v1/pools", json=body)).json()]
    body = {"name": name, "pool_id": pools[0]["id"], "policy": "BetaTSPolicy", **more}
    return await client.post(EXPERIMENTS, json=body)


async def test_running_experiments_are_bounded(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    made = [await experiment(owner, str(number)) for number in range(3)]
    assert [answer.status_code for answer in made] == [201] * 3
    detail = refused(await experiment(owner, "x"), 409, "EXPERIMENT_LIMIT_REACHED")
    assert "3" in detail
    paused = await experiment(owner, "paused", enabled=False)
    assert paused.status_code == 201
    url = f"{EXPERIMENTS}/{paused.json()['id']}"
    resume = {"enabled": True}
    answer = await owner.patch(url, json=resume)
    refused(answer, 409, "EXPERIMENT_LIMIT_REACHED")
    async with calls_to(worker, founder.access) as calls:
        request = proxy_pb2.UpdateExperimentRequest(
            experiment_id=paused.json()["id"], enabled=True
        )
        status, _ = await refused_call(calls.UpdateExperiment(request))
        assert status.name == "FAILED_PRECONDITION"
    running = f"{EXPERIMENTS}/{made[0].json()['id']}"
    # one that runs already takes no more room
    assert (await owner.patch(running, json=resume)).status_code == 200
    await owner.patch(running, json={"enabled": False})
    assert (await owner.patch(url, json=resume)).status_code == 200
    refused(await owner.patch(running, json=resume), 409, "EXPERIMENT_LIMIT_REACHED")
    await owner.delete(url)
    assert (await owner.patch(running, json=resume)).status_code == 200


async def test_tenants_do_not_share_their_room(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    for _ in range(2):
        await new_key(owner)
    other = await sign_up(worker)
    async with client_of(worker, other.headers) as client:
        await new_key(client)
