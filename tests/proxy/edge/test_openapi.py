"""The OpenAPI document is valid, and has every route of the public contract."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

# method, path and status of success, as the published clients know them
CONTRACT = [
    ("post", "/api/v1/pools", 201),
    ("get", "/api/v1/pools", 200),
    ("get", "/api/v1/pools/{}", 200),
    ("patch", "/api/v1/pools/{}", 200),
    ("delete", "/api/v1/pools/{}", 200),
    ("get", "/api/v1/pools/{}/experiments", 200),
    ("post", "/api/v1/experiments", 201),
    ("get", "/api/v1/experiments", 200),
    ("get", "/api/v1/experiments/{}", 200),
    ("patch", "/api/v1/experiments/{}", 200),
    ("delete", "/api/v1/experiments/{}", 200),
    ("post", "/api/v1/experiments/{}/reset", 200),
    ("post", "/api/v1/gates/{}", 201),
    ("get", "/api/v1/gates/{}", 200),
    ("patch", "/api/v1/gates/{}", 200),
    ("put", "/api/v1/gates/{}", 200),
    ("delete", "/api/v1/gates/{}", 200),
    ("post", "/api/v1/gates/{}/evaluate", 200),
    ("post", "/api/v1/agent/select", 200),
    ("post", "/api/v1/agent/feedback", 201),
    ("get", "/api/v1/policies", 200),
    ("get", "/api/v1/runtime/redis/health", 200),
    ("get", "/api/v1/runtime/motor/health", 200),
    ("get", "/api/v1/runtime/cortex/health", 200),
    ("get", "/api/v1/runtime/redis/stream/size", 200),
    ("get", "/api/v1/insight/experiment/{}", 200),
    ("get", "/api/v1/insight/experiment/{}/arms", 200),
    ("get", "/health", 200),
    ("get", "/info", 200),
]
QUERIES = {
    "/api/v1/pools": {"limit", "offset"},
    "/api/v1/experiments": {"limit", "offset", "search", "enabled"},
    "/api/v1/policies": {"reward_type"},
    "/api/v1/insight/experiment/{}": {"start_ms", "end_ms"},
    "/api/v1/insight/experiment/{}/arms": {"start_ms", "end_ms"},
}
ERRORS = {"400", "401", "403", "404", "409", "422", "429", "500", "503"}
_NAMED = re.compile(r"\{[^}]+\}")

Operations = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    made: dict[str, Any] = (await client.get("/openapi.json")).json()
    return made


@pytest.fixture
def operations(document: dict[str, Any]) -> Operations:
    return {
        (method, _NAMED.sub("{}", path)): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_it_is_valid_openapi(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    errors = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message}"
        for error in OpenAPIV31SpecValidator(document).iter_errors()
    ]
    assert errors == []


def test_it_needs_no_key(document: dict[str, Any]) -> None:
    assert document["info"]["title"] == "qbrix"
    schemes = document["components"]["securitySchemes"]
    assert schemes["ApiKeyHeader"]["name"] == "X-API-Key"


@pytest.mark.parametrize(("method", "path", "status"), CONTRACT)
def test_every_route_of_the_contract_is_in_it(
    operations: Operations, method: str, path: str, status: int
) -> None:
    responses = operations[method, path]["responses"]
    assert str(status) in responses
    if path.startswith("/api/"):
        assert set(responses) >= ERRORS


@pytest.mark.parametrize("path", QUERIES)
def test_queries_of_the_contract_are_in_it(operations: Operations, path: str) -> None:
    parameters = operations["get", path]["parameters"]
    assert QUERIES[path] <= {one["name"] for one in parameters if one["in"] == "query"}


async def test_what_is_in_it_is_served(
    client: httpx.AsyncClient, document: dict[str, Any]
) -> None:
    for path, methods in document["paths"].items():
        for method in methods:
            answer = await client.request(method, _NAMED.sub("x", path))
            assert answer.status_code != 405, path
            # that of a route names what is missing
            assert answer.status_code != 404 or answer.json()["detail"] != "not found"
