"""Tenants with experiments of every kind, made over the REST API."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
from loadtest.world import ARMS
from loadtest.world import FALLBACK
from loadtest.world import GATED
from loadtest.world import HOUSE
from loadtest.world import POLICIES
from loadtest.world import ROLLOUT
from loadtest.world import RULED
from loadtest.world import Tenant

API = "/api/v1"


async def make_tenant(url: str) -> Tenant:
    """A new tenant with its experiments. Raises httpx.HTTPStatusError."""
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        person = {
            "email": f"load-{secrets.token_hex(6)}@example.org",
            "password": secrets.token_urlsafe(24),
        }
        await _post(client, "/auth/register", person)
        login = await _post(client, "/auth/login", person)
        client.headers["Authorization"] = f"Bearer {login['access_token']}"
        made = await _post(client, "/auth/api-keys", {"name": "load"})
        key: str = made["key"]
        client.headers = httpx.Headers({"X-API-Key": key})
        return Tenant(key, {kind: await _experiment(client, kind) for kind in POLICIES})


async def _experiment(client: httpx.AsyncClient, kind: str) -> str:
    arms = [{"name": f"arm {index}"} for index in range(ARMS)]
    pool = await _post(client, f"{API}/pools", {"name": kind, "arms": arms})
    policy, params = POLICIES[kind]
    wanted = {
        "name": kind,
        "pool_id": pool["id"],
        "policy": policy,
        "policy_params": params,
    }
    experiment: str = (await _post(client, f"{API}/experiments", wanted))["id"]
    if kind == GATED:
        rule = {"key": "plan", "operator": "==", "value": RULED}
        gate = {
            "rollout_percentage": ROLLOUT,
            "default_arm_name": f"arm {FALLBACK}",
            "rules": [{**rule, "arm_name": f"arm {HOUSE}"}],
        }
        await _post(client, f"{API}/gates/{experiment}", gate)
    return experiment


async def _post(client: httpx.AsyncClient, path: str, body: object) -> Any:
    answer = await client.post(path, json=body)
    answer.raise_for_status()
    return answer.json()
