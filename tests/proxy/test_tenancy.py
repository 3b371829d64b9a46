"""Tenants do not see each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.people import add_person

from proxysvc.app import Worker

Pool = dict[str, Any]


@pytest.fixture
async def stranger(
    worker: Worker, engine: AsyncEngine
) -> AsyncIterator[httpx.AsyncClient]:
    """The administrator of another tenant."""
    person = await add_person(engine)
    async with client_of(worker, person.headers) as client:
        yield client


@pytest.fixture
async def experiment(client: httpx.AsyncClient, pool: Pool) -> dict[str, Any]:
    body = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    made: dict[str, Any] = (await client.post("/api/v1/experiments", json=body)).json()
    return made


async def test_ids_of_others_are_not_found(
    stranger: httpx.AsyncClient, pool: Pool, experiment: dict[str, Any]
) -> None:
    of_pool = f"/api/v1/pools/{pool['id']}"
    of_experiment = f"/api/v1/experiments/{experiment['id']}"
    mine = {"name": "mine", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    context = {"id": "somebody"}
    calls = {
        "POOL_NOT_FOUND": [
            stranger.get(of_pool),
            stranger.patch(of_pool, json={"name": "x"}),
            stranger.patch(of_pool, json={}),
            stranger.delete(of_pool),
            stranger.get(f"{of_pool}/experiments"),
            stranger.post("/api/v1/experiments", json=mine),
        ],
        "EXPERIMENT_NOT_FOUND": [
            stranger.get(of_experiment),
            stranger.patch(of_experiment, json={"enabled": False}),
            stranger.delete(of_experiment),
            stranger.post(
                "/api/v1/agent/select",
                json={"experiment_id": experiment["id"], "context": context},
            ),
        ],
    }
    for code, group in calls.items():
        for call in group:
            answer = await call
            assert (answer.status_code, answer.json()["code"]) == (404, code)


async def test_lists_hold_only_ones_own(
    client: httpx.AsyncClient,
    stranger: httpx.AsyncClient,
    pool: Pool,
    experiment: dict[str, Any],
) -> None:
    assert (await stranger.get("/api/v1/pools")).json()["pools"] == []
    assert (await stranger.get("/api/v1/experiments")).json()["experiments"] == []
    (mine,) = (await client.get("/api/v1/experiments")).json()["experiments"]
    assert mine == experiment


async def test_names_are_taken_within_a_tenant_only(
    stranger: httpx.AsyncClient, pool: Pool
) -> None:
    body = {"name": pool["name"], "arms": [{"name": "a"}]}
    assert (await stranger.post("/api/v1/pools", json=body)).status_code == 201
