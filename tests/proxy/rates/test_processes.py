"""A plan's calls a minute, over two proxies with two workers each."""

from __future__ import annotations

import asyncio
from collections import Counter

import grpc
import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.people import Person
from tests.proxy.people import add_person
from tests.proxy.processes import environment
from tests.proxy.processes import running
from tests.proxy.rates.conftest import early_in_the_minute
from tests.trust import TRUST

from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixproto.proxy_pb2 import ListPoliciesRequest
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import system_session
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.redis.config import RedisSettings

POLICIES = "/api/v1/policies"
LIMIT = 200
PLANS = f"self-hosted:0/0/0,free:{LIMIT}/0/0,pro:2/0/0"
CONNECTIONS = 16


async def limited_key(client: httpx.AsyncClient, limit: int | None) -> httpx.Response:
    return await client.post("/auth/api-keys", json={"rate_limit_per_minute": limit})


async def test_a_key_may_have_a_limit_of_its_own(
    settings: ProxySettings, engine: AsyncEngine
) -> None:
    person = await on_plan(engine, "self-hosted")
    async with proxy(settings) as worker, client_of(worker, person.headers) as client:
        made = (await limited_key(client, 3)).json()
        assert made["rate_limit_per_minute"] == 3
        assert (await limited_key(client, 0)).status_code == 422
        key = {"X-API-Key": made["key"]}
        async with client_of(worker, key) as limited:
            # it can make nothing that may do more than itself
            other = (await limited_key(limited, None)).json()
            assert other["rate_limit_per_minute"] == 3
            found = [(await limited.get(POLICIES)).status_code for _ in range(4)]
            assert found == [200, 200, 429, 429]
        assert (await client.get(POLICIES)).status_code == 200
        usage = await client.get(f"/auth/api-keys/{made['id']}/usage")
        assert usage.json() == {"current_minute_usage": 3, "rate_limit_per_minute": 3}


async def on_plan(engine: AsyncEngine, plan: str) -> Person:
    async with system_session(engine) as session:
        tenant = await Tenants(session).add("somebody", plan)
    return await add_person(engine, tenant_id=tenant.id)


async def statuses(url: str, person: Person, calls: int) -> list[int]:
    """What calls over a connection of their own are answered."""
    async with httpx.AsyncClient(
        base_url=url, headers=person.headers, verify=TRUST
    ) as client:
        answers = [await client.get(POLICIES) for _ in range(calls)]
    for answer in answers:
        if answer.status_code == 429:
            assert answer.json()["code"] == "RATE_LIMITED"
            assert 1 <= int(answer.headers["retry-after"]) <= 60
    return [answer.status_code for answer in answers]


async def test_two_proxies_of_two_workers_let_in_what_the_plan_says(
    engine: AsyncEngine, postgres_server: PostgresSettings, redis_server: RedisSettings
) -> None:
    one, other = (
        environment(
            postgres_server,
            redis_server,
            PROXY_HTTP_WORKERS="2",
            PROXY_PLAN_LIMITS=PLANS,
        )
        for _ in range(2)
    )
    async with running(one) as first, running(other) as second:
        person = await on_plan(engine, "free")
        # starting them took a while
        await early_in_the_minute()
        found = await asyncio.gather(
            *(
                statuses(proxy.url, person, 2 * LIMIT // CONNECTIONS)
                for proxy in (first, second)
                for _ in range(CONNECTIONS)
            )
        )
        count = Counter(status for some in found for status in some)
        assert set(count) == {200, 429}
        assert count[200] <= LIMIT * 1.1
        assert count[200] >= LIMIT * 0.7
        free = await on_plan(engine, "self-hosted")
        assert set(await statuses(first.url, free, LIMIT + 10)) == {200}


@pytest.fixture
def settings(settings: ProxySettings) -> ProxySettings:
    return msgspec.structs.replace(settings, plan_limits=tuple(PLANS.split(",")))


async def test_both_wires_share_a_limit_and_say_when_to_come_back(
    settings: ProxySettings, engine: AsyncEngine
) -> None:
    person, other = await on_plan(engine, "pro"), await on_plan(engine, "pro")
    async with (
        proxy(settings) as worker,
        client_of(worker, person.headers) as client,
        grpc.aio.insecure_channel(f"127.0.0.1:{worker.grpc_port}") as channel,
    ):
        stub = ProxyServiceStub(channel)
        key = (("x-api-key", person.key),)
        assert (await client.get(POLICIES)).status_code == 200
        await stub.ListPolicies(ListPoliciesRequest(), metadata=key)
        answer = await client.get(POLICIES)
        assert answer.status_code == 429
        body = {"experiment_id": "x", "context": {"id": "y"}}
        select = await client.post("/api/v1/agent/select", json=body)
        assert select.status_code == 429
        for refused in (answer, select):
            assert refused.json()["code"] == "RATE_LIMITED"
            assert refused.json()["detail"] == "more than 2 calls a minute"
            assert 1 <= int(refused.headers["retry-after"]) <= 60
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.ListPolicies(ListPoliciesRequest(), metadata=key)
        assert failed.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        trailers = dict(failed.value.trailing_metadata() or ())
        assert 1 <= int(trailers["retry-after"]) <= 60
        assert (await client.get("/health")).status_code == 200
        theirs = (("x-api-key", other.key),)
        await stub.ListPolicies(ListPoliciesRequest(), metadata=theirs)
