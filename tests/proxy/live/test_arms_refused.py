"""Arms that are not added, and changes of them that are not made."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import msgspec
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.live.arms import POOLS
from tests.proxy.live.arms import arms_of
from tests.proxy.live.arms import on
from tests.proxy.live.arms import url_of
from tests.proxy.people import Person
from tests.proxy.people import add_person

from proxysvc.app import Worker
from proxysvc.settings import ProxySettings

UNKNOWN = uuid4().hex


@pytest.fixture
def settings(settings: ProxySettings) -> ProxySettings:
    return msgspec.structs.replace(settings, max_state_bytes=4_096)


async def test_the_last_active_arm_stays_active(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    off = {"is_active": False}
    assert (await client.patch(url_of(pool, 0), json=off)).status_code == 200
    answer = await client.patch(url_of(pool, 1), json=off)
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")
    # one that is inactive already may be told so again
    assert (await client.patch(url_of(pool, 0), json=off)).status_code == 200
    on_again = await client.patch(url_of(pool, 0), json={"is_active": True})
    assert on_again.json() == pool["arms"][0]
    assert (await client.patch(url_of(pool, 1), json=off)).status_code == 200


async def test_two_at_once_do_not_deactivate_all(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    off = {"is_active": False}
    answers = await asyncio.gather(
        *(client.patch(url_of(pool, index), json=off) for index in (0, 1))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409]


@pytest.mark.parametrize("name", ["green", "red"])
async def test_a_name_is_taken_once_in_a_pool(
    client: httpx.AsyncClient, pool: dict[str, Any], name: str
) -> None:
    added = await client.post(arms_of(pool), json={"arms": [{"name": name}]})
    assert (added.status_code, added.json()["code"]) == (409, "CONFLICT")
    other = 0 if name == "green" else 1
    renamed = await client.patch(url_of(pool, other), json={"name": name})
    assert renamed.status_code == 409
    twice = {"arms": [{"name": "blue"}, {"name": "blue"}]}
    assert (await client.post(arms_of(pool), json=twice)).status_code == 400
    assert (await client.get(f"{POOLS}/{pool['id']}")).json() == pool


async def test_an_arm_that_makes_a_state_too_large_is_refused_with_the_figure(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    await on(client, pool, "LinUCBPolicy", {"dim": 10})
    answer = await client.post(arms_of(pool), json={"arms": [{"name": "blue"}]})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_POLICY_PARAMS")
    assert "4096" in answer.json()["detail"]
    assert (await client.get(f"{POOLS}/{pool['id']}")).json() == pool


async def test_a_pool_does_not_outgrow_its_bound(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    def some(count: int) -> dict[str, Any]:
        return {"arms": [{"name": uuid4().hex} for _ in range(count)]}

    answer = await client.post(arms_of(pool), json=some(9_999))
    assert (answer.status_code, answer.json()["code"]) == (400, "BAD_REQUEST")
    assert (await client.post(arms_of(pool), json=some(10_001))).status_code == 422


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        ({}, ["body", "arms"], "missing"),
        ({"arms": []}, ["body", "arms"], "array_type"),
        ({"arms": [{}]}, ["body", "arms", 0, "name"], "missing"),
        ({"arms": [{"name": 3}]}, ["body", "arms", 0, "name"], "str_type"),
        ({"arms": [{"name": ""}]}, ["body", "arms", 0, "name"], "str_type"),
        ([], ["body"], "object_type"),
    ],
)
async def test_a_body_that_does_not_decode_is_422(
    client: httpx.AsyncClient,
    pool: dict[str, Any],
    body: object,
    loc: list[object],
    kind: str,
) -> None:
    answer = await client.post(arms_of(pool), json=body)
    assert answer.status_code == 422
    (problem,) = answer.json()["detail"]
    assert (problem["loc"], problem["type"]) == (loc, kind)


async def test_a_state_of_activity_is_true_or_false(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    wrongs: list[object] = [0, "false", []]
    for wrong in wrongs:
        answer = await client.patch(url_of(pool, 0), json={"is_active": wrong})
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "is_active"]


async def test_names_and_values_that_no_store_takes_are_refused(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    for body in ({"name": " "}, {"name": "a\nb"}, {"metadata": {"a": "\u0000"}}):
        assert (await client.patch(url_of(pool, 0), json=body)).status_code == 400
        arm = {"name": "blue", **body}
        answer = await client.post(arms_of(pool), json={"arms": [arm]})
        assert answer.status_code == 400


async def test_what_there_is_not_is_not_found(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    body = {"arms": [{"name": "blue"}]}
    other = (await client.post(POOLS, json={"name": "o", **body})).json()
    for url in (f"{POOLS}/{UNKNOWN}/arms", f"{POOLS}/no-id/arms"):
        answer = await client.post(url, json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "POOL_NOT_FOUND")
    for url, code in (
        (f"{POOLS}/{UNKNOWN}/arms/{pool['arms'][0]['id']}", "POOL_NOT_FOUND"),
        (f"{arms_of(pool)}/{UNKNOWN}", "NOT_FOUND"),
        (f"{arms_of(pool)}/no-id", "NOT_FOUND"),
        # of another pool of the same tenant
        (f"{arms_of(other)}/{pool['arms'][0]['id']}", "NOT_FOUND"),
    ):
        answer = await client.patch(url, json={"is_active": False})
        assert (answer.status_code, answer.json()["code"]) == (404, code), url


async def test_who_may_only_read_changes_no_arm(
    worker: Worker, engine: AsyncEngine, admin: Person, pool: dict[str, Any]
) -> None:
    viewer = await add_person(engine, "viewer", tenant_id=admin.tenant_id)
    async with client_of(worker, viewer.headers) as client:
        for answer in (
            await client.post(arms_of(pool), json={"arms": [{"name": "blue"}]}),
            await client.patch(url_of(pool, 0), json={"is_active": False}),
        ):
            assert answer.status_code == 403
            assert answer.json()["code"] == "INSUFFICIENT_SCOPES"
