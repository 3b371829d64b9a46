"""Pages of other origins: preflights without a key, on every kind of route."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from tests.proxy.conftest import client_of
from tests.proxy.people import Person

from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.origins import check_origins
from proxysvc.settings import ProxySettings

PAGE = "https://app.example.org"
SELECT = "/api/v1/agent/select"
PATHS = (SELECT, "/api/v1/agent/feedback", "/api/v1/pools", "/auth/login", "/nowhere")
ALLOW = "access-control-allow-origin"


@pytest.fixture
def origins() -> tuple[str, ...]:
    return (PAGE, "http://localhost:3000")


@pytest.fixture
async def worker(
    settings: ProxySettings, origins: tuple[str, ...]
) -> AsyncIterator[Worker]:
    async with proxy(msgspec.structs.replace(settings, cors_origins=origins)) as worker:
        yield worker


def preflight(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-api-key",
    }


@pytest.mark.parametrize("path", PATHS)
async def test_a_preflight_needs_no_key(worker: Worker, path: str) -> None:
    async with client_of(worker) as client:
        answer = await client.options(path, headers=preflight(PAGE))
    assert answer.status_code == 204
    assert answer.headers[ALLOW] == PAGE
    assert "Origin" in answer.headers["vary"]
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"x-api-key", "content-type", "accept", "authorization"} <= set(allowed)
    methods = answer.headers["access-control-allow-methods"].split(", ")
    assert {"GET", "POST", "PATCH", "PUT", "DELETE"} <= set(methods)
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
async def test_other_origins_get_nothing(worker: Worker, path: str) -> None:
    async with client_of(worker) as client:
        for origin in ("https://evil.example", f"{PAGE}.evil.example", "null"):
            answer = await client.options(path, headers=preflight(origin))
            assert ALLOW not in answer.headers
            assert answer.headers["vary"] == "Origin"


async def test_answers_and_errors_may_be_read(worker: Worker, admin: Person) -> None:
    headers = {**admin.headers, "Origin": PAGE}
    async with client_of(worker, headers) as client:
        answers = [
            await client.get("/api/v1/pools"),
            await client.post(SELECT, json={}),
            await client.get("/api/v1/pools", headers={"X-API-Key": "wrong"}),
        ]
        assert [answer.status_code for answer in answers] == [200, 422, 401]
        for answer in answers:
            assert answer.headers[ALLOW] == PAGE
            shown = answer.headers["access-control-expose-headers"]
            assert "retry-after" in shown
        del client.headers["Origin"]
        assert ALLOW not in (await client.get("/api/v1/pools")).headers


class TestAnybody:
    @pytest.fixture
    def origins(self) -> tuple[str, ...]:
        return ("*",)

    async def test_any_origin_may(self, worker: Worker) -> None:
        async with client_of(worker) as client:
            answer = await client.options(SELECT, headers=preflight("https://x.test"))
        assert answer.headers[ALLOW] == "*"


class TestNobody:
    @pytest.fixture
    def origins(self) -> tuple[str, ...]:
        return ()

    @pytest.mark.parametrize("path", PATHS[:2])
    async def test_no_origin_may(self, worker: Worker, path: str) -> None:
        async with client_of(worker) as client:
            answer = await client.options(path, headers=preflight(PAGE))
        assert answer.status_code == 204
        assert answer.headers["allow"] == "OPTIONS, POST"
        assert ALLOW not in answer.headers


def test_only_origins_are_taken() -> None:
    check_origins(("*", PAGE, "http://localhost:3000", "http://[::1]:8080"))
    for bad in ("example.org", f"{PAGE}/", "https://*.example.org", "ftp://x"):
        with pytest.raises(ValueError, match="scheme://"):
            check_origins((bad,))
