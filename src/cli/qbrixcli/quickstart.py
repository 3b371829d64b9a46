"""The pool and experiment that a fresh system comes with, made over its REST API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from qbrixcli.credentials import Credentials
from qbrixcli.embedded.errors import StartError
from qbrixcli.trust import trust

NAME = "quickstart"
ARMS = ("red", "green", "blue")
POLICY = "BetaTSPolicy"
PAGE = 100
TIMEOUT_SEC = 10.0


async def ensure_quickstart(
    credentials: Credentials, certificate: Path | None = None
) -> str:
    """Id of the experiment, made with its pool if there is none. Raises StartError."""
    async with _client(credentials, certificate) as client:
        found = await _find(client)
        if found is not None:
            return found
        pool = await _pool(client)
        body = {"name": NAME, "pool_id": pool, "policy": POLICY}
        return str((await _call(client, "POST", "/experiments", json=body))["id"])


async def find_quickstart(
    credentials: Credentials, certificate: Path | None = None
) -> str | None:
    """Id of the experiment, None if somebody deleted it. Raises StartError."""
    async with _client(credentials, certificate) as client:
        return await _find(client)


async def _find(client: httpx.AsyncClient) -> str | None:
    return await _first(client, "/experiments", "experiments")


async def _pool(client: httpx.AsyncClient) -> str:
    found = await _first(client, "/pools", "pools")
    if found is not None:
        return found
    body = {"name": NAME, "arms": [{"name": arm} for arm in ARMS]}
    return str((await _call(client, "POST", "/pools", json=body))["id"])


async def _first(client: httpx.AsyncClient, path: str, key: str) -> str | None:
    offset = 0
    while True:
        params = {"limit": PAGE, "offset": offset}
        page = (await _call(client, "GET", path, params=params))[key]
        for item in page:
            if item["name"] == NAME:
                return str(item["id"])
        if len(page) < PAGE:
            return None
        offset += PAGE


async def _call(
    client: httpx.AsyncClient, method: str, path: str, **options: Any
) -> Any:
    try:
        answer = await client.request(method, f"/api/v1{path}", **options)
    except httpx.HTTPError as error:
        raise StartError(f"the proxy did not answer {method} {path}: {error}") from None
    if answer.is_error:
        raise StartError(
            f"the proxy answered {method} {path} with {answer.status_code}:"
            f" {answer.text[:200]}"
        )
    return answer.json()


def _client(credentials: Credentials, certificate: Path | None) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=credentials.http_url,
        verify=True if certificate is None else trust(certificate),
        headers={"X-API-Key": credentials.api_key},
        timeout=TIMEOUT_SEC,
        trust_env=False,
    )
