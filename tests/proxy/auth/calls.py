"""Calls of somebody who has nothing but a token, or less."""

from __future__ import annotations

from typing import Any

import httpx
from tests.proxy.conftest import client_of

from proxysvc.app import Worker


async def post(worker: Worker, path: str, **body: Any) -> httpx.Response:
    async with client_of(worker) as nobody:
        return await nobody.post(path, json=body)


async def refresh(worker: Worker, token: str) -> httpx.Response:
    return await post(worker, "/auth/refresh", refresh_token=token)


async def pools(worker: Worker, token: str) -> httpx.Response:
    async with client_of(worker, {"Authorization": f"Bearer {token}"}) as client:
        return await client.get("/api/v1/pools")
