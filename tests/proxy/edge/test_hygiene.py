"""Every answer is JSON of the contract's shape, and leaves browsers nothing to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.people import Person

from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from proxysvc.turns import Turns
from qbrixcore.errors import Overloaded

POOLS = "/api/v1/pools"
SELECT = "/api/v1/agent/select"


def refused(answer: httpx.Response, status: int, code: str = "BAD_REQUEST") -> str:
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"code", "detail", "context"}
    assert body["code"] == code
    assert body["detail"]
    return str(body["detail"])


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/api/v1/pools/"])
async def test_unknown_routes(client: httpx.AsyncClient, path: str) -> None:
    for method in ("GET", "POST", "DELETE"):
        refused(await client.request(method, path), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", [POOLS, SELECT, "/health", "/auth/login"])
async def test_unknown_methods(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.request("TRACE", path)
    refused(answer, 405)
    assert "POST" in answer.headers["allow"] or path == "/health"


@pytest.mark.parametrize("path", [POOLS, SELECT, "/auth/login"])
async def test_only_json_is_read(client: httpx.AsyncClient, path: str) -> None:
    for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x"):
        headers = {"Content-Type": kind}
        refused(await client.post(path, content=b"{}", headers=headers), 415)
    for kind in ("application/json; charset=utf-8", "APPLICATION/JSON"):
        headers = {"Content-Type": kind}
        answer = await client.post(path, content=b"{}", headers=headers)
        assert answer.status_code == 422
    assert (await client.post(path, content=b"{}")).status_code == 422


async def test_a_content_type_without_a_body_is_nobodys_business(
    client: httpx.AsyncClient,
) -> None:
    headers = {"Content-Type": "text/plain"}
    assert (await client.get(POOLS, headers=headers)).status_code == 200
    answer = await client.delete(f"{POOLS}/x", headers=headers)
    refused(answer, 404, "POOL_NOT_FOUND")
    answer = await client.post(f"/api/v1/experiments/{'0' * 32}/reset", headers=headers)
    refused(answer, 404, "EXPERIMENT_NOT_FOUND")


async def test_too_many_headers(client: httpx.AsyncClient) -> None:
    headers = {"X-Large": "x" * 40_000}
    assert "32768" in refused(await client.get(POOLS, headers=headers), 431)


async def test_answers_tell_browsers_to_do_nothing(
    worker: Worker, client: httpx.AsyncClient
) -> None:
    async with client_of(worker) as stranger:
        answers = [
            await client.get(POOLS),
            await client.get("/openapi.json"),
            await client.get("/nowhere"),
            await stranger.get(POOLS),
            await stranger.get("/health"),
        ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "no-referrer"
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "default-src 'none'" in policy


@pytest.fixture
async def narrow(settings: ProxySettings) -> AsyncIterator[Worker]:
    """Two calls of the control plane at once, for half a second each."""
    settings = msgspec.structs.replace(
        settings, max_control_in_flight=2, control_timeout_ms=500
    )
    async with proxy(settings) as worker:
        yield worker


async def test_too_much_at_once_is_refused_and_nothing_waits_for_ever(
    narrow: Worker, engine: AsyncEngine, admin: Person
) -> None:
    """Transactions that a lock holds up are as slow as calls get."""
    async with client_of(narrow, admin.headers) as client:
        assert (await client.get(POOLS)).status_code == 200
        async with engine.begin() as session:
            await session.execute(text("LOCK TABLE pool IN ACCESS EXCLUSIVE MODE"))
            held = [asyncio.create_task(client.get(POOLS)) for _ in range(2)]
            await asyncio.sleep(0.1)
            over = await client.get(POOLS)
            refused(over, 429, "RATE_LIMITED")
            assert over.headers["retry-after"] == "1"
            assert over.headers["x-request-id"]
            assert (await client.get("/health")).status_code == 200
            for answer in await asyncio.gather(*held):
                refused(answer, 503, "SERVICE_UNAVAILABLE")
        assert (await client.get(POOLS)).status_code == 200


def test_turns_are_given_back() -> None:
    turns = Turns(1)
    with turns, pytest.raises(Overloaded), turns:
        raise AssertionError("two at once")
    with turns:
        assert turns.taken_now == 1
    assert turns.taken_now == 0
