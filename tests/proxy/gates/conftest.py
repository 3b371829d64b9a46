"""An experiment without a gate, and the ids of its arms."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

Json = dict[str, Any]


@pytest.fixture
async def experiment(client: httpx.AsyncClient, pool: Json) -> Json:
    body = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    made: Json = (await client.post("/api/v1/experiments", json=body)).json()
    return made


@pytest.fixture
def url(experiment: Json) -> str:
    return f"/api/v1/gates/{experiment['id']}"


@pytest.fixture
def red(pool: Json) -> str:
    arm: str = pool["arms"][0]["id"]
    return arm


@pytest.fixture
def green(pool: Json) -> str:
    arm: str = pool["arms"][1]["id"]
    return arm
