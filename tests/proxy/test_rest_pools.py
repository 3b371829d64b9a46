"""Pools over REST, as the published clients read them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import httpx
import pytest

POOLS = "/api/v1/pools"


async def test_a_pool_keeps_its_arms_in_order(client: httpx.AsyncClient) -> None:
    metadata = {"price": 20, "tags": ["a", None], "on": True}
    arms = [{"name": "red", "metadata": metadata, "weight": 3}, {"name": "green"}]
    answer = await client.post(POOLS, json={"name": "colours", "arms": arms, "x": 1})
    assert answer.status_code == 201
    pool = answer.json()
    assert set(pool) == {"id", "name", "arms", "created_at", "updated_at"}
    assert [(arm["name"], arm["index"]) for arm in pool["arms"]] == [
        ("red", 0),
        ("green", 1),
    ]
    assert pool["arms"][0]["metadata"] == metadata
    assert pool["arms"][1]["metadata"] == {}
    assert all(arm["is_active"] is True for arm in pool["arms"])
    assert datetime.fromisoformat(pool["created_at"]).tzinfo is not None
    assert (await client.get(f"{POOLS}/{pool['id']}")).json() == pool


async def make(client: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answer = await client.post(POOLS, json={"name": name, "arms": [{"name": "a"}]})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def test_pages_are_stable_and_echo_what_was_asked(
    client: httpx.AsyncClient,
) -> None:
    made = [(await make(client, f"pool {n}"))["id"] for n in range(5)]
    seen: list[str] = []
    for offset in range(0, 6, 2):
        page = (await client.get(POOLS, params={"limit": 2, "offset": offset})).json()
        assert set(page) == {"pools", "limit", "offset"}
        assert (page["limit"], page["offset"]) == (2, offset)
        seen += [pool["id"] for pool in page["pools"]]
    assert seen == made[::-1]
    whole = (await client.get(POOLS)).json()
    assert (whole["limit"], whole["offset"]) == (100, 0)
    assert [pool["id"] for pool in whole["pools"]] == seen
    assert (await client.get(POOLS, params={"limit": 1000})).json()["limit"] == 1000


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=1001", "limit=x", "offset=-1", "offset=9999999999"],
)
async def test_a_page_out_of_bounds_is_422(
    client: httpx.AsyncClient, query: str
) -> None:
    answer = await client.get(f"{POOLS}?{query}")
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert problem["loc"] == ["query", query.split("=")[0]]
    assert set(problem) == {"loc", "msg", "type"}


async def test_renaming_changes_the_name_alone(client: httpx.AsyncClient) -> None:
    pool = await make(client, "old")
    unchanged = await client.patch(f"{POOLS}/{pool['id']}", json={})
    assert (unchanged.status_code, unchanged.json()) == (200, pool)
    nulled = await client.patch(f"{POOLS}/{pool['id']}", json={"name": None})
    assert nulled.json() == pool
    renamed = (await client.patch(f"{POOLS}/{pool['id']}", json={"name": "new"})).json()
    assert renamed["name"] == "new"
    assert renamed["arms"] == pool["arms"]
    assert renamed["updated_at"] > pool["updated_at"]


async def test_a_name_is_taken_once(client: httpx.AsyncClient) -> None:
    await make(client, "first")
    second = await make(client, "second")
    again = await client.post(POOLS, json={"name": "first", "arms": [{"name": "a"}]})
    assert (again.status_code, again.json()["code"]) == (409, "CONFLICT")
    rename = await client.patch(f"{POOLS}/{second['id']}", json={"name": "first"})
    assert (rename.status_code, rename.json()["code"]) == (409, "CONFLICT")


async def test_a_deleted_pool_is_gone(client: httpx.AsyncClient) -> None:
    pool = await make(client, "short-lived")
    assert (await client.delete(f"{POOLS}/{pool['id']}")).status_code == 200
    for answer in (
        await client.get(f"{POOLS}/{pool['id']}"),
        await client.delete(f"{POOLS}/{pool['id']}"),
        await client.patch(f"{POOLS}/{pool['id']}", json={"name": "x"}),
        await client.get(f"{POOLS}/{pool['id']}/experiments"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "POOL_NOT_FOUND")
    assert (await make(client, "short-lived"))["id"] != pool["id"]


@pytest.mark.parametrize("pool_id", ["nothing", "0" * 32, "%00", "a" * 5000, "%ff"])
async def test_no_id_ever_given_out_is_404(
    client: httpx.AsyncClient, pool_id: str
) -> None:
    answer = await client.get(f"{POOLS}/{pool_id}")
    assert (answer.status_code, answer.json()["code"]) == (404, "POOL_NOT_FOUND")


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"name": "p", "arms": []}, 422, "length >= 1"),
        ({"name": "", "arms": [{"name": "a"}]}, 422, "length >= 1"),
        ({"name": "p" * 256, "arms": [{"name": "a"}]}, 422, "length <= 255"),
        ({"name": "p", "arms": [{"name": ""}]}, 422, "length >= 1"),
        ({"name": "  ", "arms": [{"name": "a"}]}, 400, "blank"),
        ({"name": "a\nb", "arms": [{"name": "a"}]}, 400, "control character"),
        ({"name": "p", "arms": [{"name": "a"}, {"name": "a"}]}, 400, "same name: a"),
        (
            {"name": "p", "arms": [{"name": "a", "metadata": {"x": "\0"}}]},
            400,
            "null character",
        ),
    ],
)
async def test_bad_pools_are_refused(
    client: httpx.AsyncClient, body: object, status: int, said: str
) -> None:
    answer = await client.post(POOLS, json=body)
    assert answer.status_code == status
    assert said in answer.text
    assert (await client.get(POOLS)).json()["pools"] == []


async def test_metadata_nested_too_deeply_is_refused(
    client: httpx.AsyncClient,
) -> None:
    deep: dict[str, Any] = {}
    for _ in range(20):
        deep = {"more": deep}
    arms = [{"name": "a", "metadata": deep}]
    answer = await client.post(POOLS, json={"name": "p", "arms": arms})
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
