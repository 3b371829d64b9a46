"""The OpenAPI document says what the application does."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

ROUTES = {
    ("/api/v1/pools", "post", "201"),
    ("/api/v1/pools", "get", "200"),
    ("/api/v1/pools/{pool_id}", "get", "200"),
    ("/api/v1/pools/{pool_id}", "patch", "200"),
    ("/api/v1/pools/{pool_id}", "delete", "200"),
    ("/api/v1/pools/{pool_id}/experiments", "get", "200"),
    ("/api/v1/pools/{pool_id}/arms", "post", "201"),
    ("/api/v1/pools/{pool_id}/arms/{arm_id}", "patch", "200"),
    ("/api/v1/experiments", "post", "201"),
    ("/api/v1/experiments", "get", "200"),
    ("/api/v1/experiments/{experiment_id}", "get", "200"),
    ("/api/v1/experiments/{experiment_id}", "patch", "200"),
    ("/api/v1/experiments/{experiment_id}", "delete", "200"),
    ("/api/v1/experiments/{experiment_id}/reset", "post", "200"),
    ("/api/v1/experiments/{experiment_id}/rollback", "post", "200"),
    ("/api/v1/experiments/{experiment_id}/versions", "get", "200"),
    ("/api/v1/gates/{experiment_id}", "post", "201"),
    ("/api/v1/gates/{experiment_id}", "get", "200"),
    ("/api/v1/gates/{experiment_id}", "put", "200"),
    ("/api/v1/gates/{experiment_id}", "patch", "200"),
    ("/api/v1/gates/{experiment_id}", "delete", "200"),
    ("/api/v1/gates/{experiment_id}/evaluate", "post", "200"),
    ("/api/v1/agent/select", "post", "200"),
    ("/api/v1/agent/feedback", "post", "201"),
    ("/api/v1/agent/select:batch", "post", "200"),
    ("/api/v1/agent/feedback:batch", "post", "200"),
    ("/api/v1/policies", "get", "200"),
    ("/api/v1/runtime/redis/health", "get", "200"),
    ("/api/v1/runtime/motor/health", "get", "200"),
    ("/api/v1/runtime/cortex/health", "get", "200"),
    ("/api/v1/runtime/redis/stream/size", "get", "200"),
    ("/api/v1/insight/experiment/{experiment_id}", "get", "200"),
    ("/api/v1/insight/experiment/{experiment_id}/arms", "get", "200"),
    ("/api/v1/audit", "get", "200"),
    ("/auth/register", "post", "201"),
    ("/auth/login", "post", "200"),
    ("/auth/refresh", "post", "200"),
    ("/auth/profile", "get", "200"),
    ("/auth/profile/password", "put", "200"),
    ("/auth/roles", "get", "200"),
    ("/auth/users", "post", "201"),
    ("/auth/users", "get", "200"),
    ("/auth/users/{user_id}", "get", "200"),
    ("/auth/users/{user_id}", "patch", "200"),
    ("/auth/users/{user_id}", "delete", "200"),
    ("/auth/users/{user_id}/role", "put", "200"),
    ("/auth/api-keys", "post", "201"),
    ("/auth/api-keys", "get", "200"),
    ("/auth/api-keys/{key_id}", "get", "200"),
    ("/auth/api-keys/{key_id}", "patch", "200"),
    ("/auth/api-keys/{key_id}", "delete", "200"),
    ("/auth/api-keys/{key_id}/rotate", "post", "200"),
    ("/auth/api-keys/{key_id}/usage", "get", "200"),
    ("/health", "get", "200"),
    ("/health/ready", "get", "200"),
    ("/info", "get", "200"),
}
SHAPES: dict[object, str] = {
    "422": "Unprocessable",
    ("/health/ready", "503"): "ReadyStatus",
}


@pytest.fixture
async def document(client: httpx.AsyncClient) -> dict[str, Any]:
    answer = await client.get("/openapi.json")
    assert answer.headers["content-type"].startswith("application/json")
    made: dict[str, Any] = answer.json()
    return made


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_is_in_it(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    found = {
        (path, method, status)
        for path, method, operation in operations(document)
        for status in operation["responses"]
        if status.startswith("2")
    }
    assert found == ROUTES


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    seen: set[str] = set()

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            if "$ref" in node:
                seen.add(node["$ref"].rpartition("/")[2])
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(document)
    assert seen <= set(schemas)
    assert {"SelectRequest", "FeedbackRequest", "PoolCreate", "Envelope"} <= seen


def test_errors_have_the_shapes_of_the_contract(document: dict[str, Any]) -> None:
    for path, _, operation in operations(document):
        for status, answer in operation["responses"].items():
            if status.startswith("2") or "content" not in answer:
                continue
            reference = answer["content"]["application/json"]["schema"]["$ref"]
            shape = SHAPES.get((path, status)) or SHAPES.get(status, "Envelope")
            assert reference.endswith(f"/{shape}"), (path, status)
        if operation.get("security") != []:
            assert {"401", "403", "429", "503"} <= set(operation["responses"]), path


def test_ids_of_operations_are_distinct(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, _, operation in operations(document)]
    assert len(set(ids)) == len(ids)
