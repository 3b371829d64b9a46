"""Without authentication every call is the development user's, who really exists."""

from __future__ import annotations

import asyncio

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.grpc_calls import calls_to
from tests.proxy.people import Person

from proxysvc.app import proxy
from proxysvc.development import development_principal
from proxysvc.settings import ProxySettings
from qbrixproto import proxy_pb2
from qbrixstore.postgres import system_session
from qbrixstore.postgres.tenants import Tenants

POOLS = "/api/v1/pools"


async def test_calls_without_a_key_work_on_both_wires(
    settings: ProxySettings, engine: AsyncEngine, admin: Person
) -> None:
    settings = msgspec.structs.replace(settings, auth="off")
    async with proxy(settings) as worker, client_of(worker) as client:
        body = {"name": "open", "arms": [{"name": "a"}]}
        assert (await client.post(POOLS, json=body)).status_code == 201
        async with calls_to(worker, None) as calls:
            listed = await calls.ListPools(proxy_pb2.ListPoolsRequest())
            assert [pool.name for pool in listed.pools] == ["open"]
        wrong = await client.get(POOLS, headers={"X-API-Key": "optiq_wrong"})
        assert wrong.status_code == 401
        theirs = await client.get(POOLS, headers=admin.headers)
        assert theirs.json()["pools"] == []


async def test_all_workers_find_the_same_user(engine: AsyncEngine) -> None:
    made = await asyncio.gather(*(development_principal(engine) for _ in range(4)))
    assert len({(one.tenant_id, one.user_id) for one in made}) == 1
    async with system_session(engine) as session:
        assert (await Tenants(session).get(made[0].tenant_id)).name == "dev-tenant"
