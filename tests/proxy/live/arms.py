"""Pools and what is on them, over REST."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx

POOLS = "/api/v1/pools"


async def on(
    client: httpx.AsyncClient,
    pool: dict[str, Any],
    policy: str,
    params: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A new experiment on a pool."""
    body = {
        "name": uuid4().hex,
        "pool_id": pool["id"],
        "policy": policy,
        "policy_params": params or {},
    }
    answer = await client.post("/api/v1/experiments", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def arms_of(pool: dict[str, Any]) -> str:
    """Where the arms of a pool are."""
    return f"{POOLS}/{pool['id']}/arms"


def url_of(pool: dict[str, Any], index: int) -> str:
    """Where one of them is."""
    return f"{arms_of(pool)}/{pool['arms'][index]['id']}"
