"""What is wrong with a request is said in one shape, on every path."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.proxy.conftest import client_of
from tests.proxy.people import Person

from proxysvc.app import Worker
from proxysvc.pools import PoolService

POOLS = "/api/v1/pools"


def envelope(answer: httpx.Response) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert set(body) == {"code", "detail", "context"}
    assert isinstance(body["detail"], str)
    assert body["detail"]
    assert answer.headers["x-request-id"]
    return body


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/api/v1/nothing",
        "/api/v1",
        f"{POOLS}/",
        "/api/v1/experiments/",
    ],
)
async def test_unknown_paths_are_404(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    assert answer.status_code == 404
    assert envelope(answer)["code"] == "NOT_FOUND"


@pytest.mark.parametrize(
    "path", [POOLS, "/api/v1/agent/select", "/api/v1/agent/feedback"]
)
async def test_methods_are_told_without_a_key(worker: Worker, path: str) -> None:
    async with client_of(worker) as stranger:
        answer = await stranger.options(path, headers={"origin": "https://a.example"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert {"OPTIONS", "POST"} <= set(answer.headers["allow"].split(", "))
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", POOLS, ["GET", "OPTIONS", "POST"]),
        ("POST", f"{POOLS}/{'0' * 32}", ["DELETE", "GET", "OPTIONS", "PATCH"]),
        ("DELETE", "/health", ["GET", "OPTIONS"]),
        ("GET", "/api/v1/agent/select", ["POST"]),
    ],
)
async def test_wrong_methods_are_405(
    client: httpx.AsyncClient, method: str, path: str, allowed: list[str]
) -> None:
    answer = await client.request(method, path)
    assert answer.status_code == 405
    assert envelope(answer)["code"] == "BAD_REQUEST"
    assert sorted(answer.headers["allow"].split(", ")) == sorted(allowed)


@pytest.mark.parametrize("path", [POOLS, "/api/v1/experiments"])
async def test_large_bodies_are_413(client: httpx.AsyncClient, path: str) -> None:
    body = b'{"name":"' + b"x" * (1 << 20) + b'"}'

    async def pieces() -> Any:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    for content in (body, pieces()):
        answer = await client.post(path, content=content)
        assert answer.status_code == 413
        assert envelope(answer)["code"] == "BAD_REQUEST"


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        ("", ["body"], "missing"),
        ("{", ["body"], "json_invalid"),
        (
            '{"name": "p", "arms": [{"name": "a", "metadata": {"x": NaN}}]}',
            ["body"],
            "",
        ),
        ("[" * 100_000, ["body"], ""),
        ("null", ["body"], "object_type"),
        ('{"arms": [{"name": "a"}]}', ["body", "name"], "missing"),
        ('{"name": 5, "arms": [{"name": "a"}]}', ["body", "name"], "str_type"),
        ('{"name": "p", "arms": [{}]}', ["body", "arms", 0, "name"], "missing"),
        ('{"name": "p", "arms": "a"}', ["body", "arms"], "array_type"),
    ],
)
async def test_undecodable_bodies_are_422(
    client: httpx.AsyncClient, body: str, loc: list[str | int], kind: str
) -> None:
    answer = await client.post(POOLS, content=body)
    assert answer.status_code == 422
    assert set(answer.json()) == {"detail"}
    (problem,) = answer.json()["detail"]
    assert set(problem) == {"loc", "msg", "type"}
    assert problem["loc"] == loc
    assert problem["type"].startswith(kind)


@pytest.mark.parametrize("path", [POOLS, "/api/v1/experiments"])
async def test_a_body_that_breaks_off_is_not_our_fault(
    worker: Worker, admin: Person, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    coming = [{"type": "http.request", "body": b"{", "more_body": True}]
    sent: list[Any] = []

    async def receive() -> Any:
        return coming.pop() if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"x-api-key", admin.key.encode()), (b"content-length", b"500")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": headers,
    }
    await worker.http(scope, receive, send)
    assert sent[0]["status"] == 400
    assert b'"BAD_REQUEST"' in sent[1]["body"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_types_are_not_coerced(client: httpx.AsyncClient) -> None:
    body = {"name": "e", "pool_id": "0" * 32, "enabled": "true"}
    answer = await client.post("/api/v1/experiments", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "enabled"]


async def test_requests_without_a_body_may_say_that_it_is_json(
    client: httpx.AsyncClient,
) -> None:
    client.headers["Content-Type"] = "application/json"
    assert (await client.get(POOLS)).status_code == 200
    assert (await client.delete(f"{POOLS}/{'0' * 32}")).status_code == 404


async def test_a_bug_is_500_and_says_nothing_of_itself(
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(*given: object) -> None:
        raise KeyError("secret detail")

    monkeypatch.setattr(PoolService, "page", broken)
    answer = await client.get(POOLS)
    assert answer.status_code == 500
    assert envelope(answer)["code"] == "INTERNAL_ERROR"
    assert "secret" not in answer.text
    assert "secret detail" in caplog.text


async def test_request_ids_are_kept_or_made(client: httpx.AsyncClient) -> None:
    kept = await client.get(POOLS, headers={"X-Request-ID": "mine-1"})
    assert kept.headers["x-request-id"] == "mine-1"
    made = [(await client.get("/health")).headers["x-request-id"] for _ in range(2)]
    assert len(set(made)) == 2
    strange = await client.get("/nothing", headers={"X-Request-ID": "a b"})
    assert strange.headers["x-request-id"] != "a b"


async def test_a_bad_body_is_not_looked_at_without_a_key(worker: Worker) -> None:
    async with client_of(worker) as nobody:
        answer = await nobody.post(POOLS, content="{")
    assert answer.status_code == 401
    assert envelope(answer)["code"] == "UNAUTHORIZED"


async def test_public_routes_need_no_key(worker: Worker) -> None:
    async with client_of(worker) as nobody:
        assert (await nobody.get("/health")).json() == {"status": "healthy"}
        ready = await nobody.get("/health/ready")
        assert ready.status_code == 200
        # what is behind it is no reason to send requests elsewhere
        assert ready.json() == {"status": "ready", "degraded": ["0 of 1 motors"]}
        info = (await nobody.get("/info")).json()
        assert set(info) == {"name", "description", "version"}
        assert info["name"] == "qbrix"
        assert (await nobody.get("/openapi.json")).status_code == 200


async def test_policies_are_listed_by_reward(client: httpx.AsyncClient) -> None:
    listed = (await client.get("/api/v1/policies")).json()["policies"]
    by_name = {policy["name"]: policy for policy in listed}
    assert {"BetaTSPolicy", "LinUCBPolicy", "EXP3Policy"} <= set(by_name)
    for policy in listed:
        assert set(policy) == {
            "name",
            "category",
            "reward_types",
            "description",
            "user_params",
        }
        for param in policy["user_params"]:
            assert param["type"] in ("integer", "number", "boolean", "string")
            assert None not in param["constraints"].values()
            assert set(param["constraints"]) <= {"gt", "gte", "lt", "lte"}
    binary = await client.get("/api/v1/policies", params={"reward_type": "continuous"})
    for policy in binary.json()["policies"]:
        assert "continuous" in policy["reward_types"]
    wrong = await client.get("/api/v1/policies", params={"reward_type": "fuzzy"})
    assert wrong.status_code == 422
    assert wrong.json()["detail"][0]["loc"] == ["query", "reward_type"]
