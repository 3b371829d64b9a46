"""Arms of a pool that experiments use: over REST, and what Redis has of it then."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.live.arms import POOLS
from tests.proxy.live.arms import arms_of
from tests.proxy.live.arms import on
from tests.proxy.live.arms import url_of
from tests.proxy.people import Person
from tests.proxy.waiting import eventually

from proxysvc.publishing import Publishing
from proxysvc.settings import ProxySettings
from qbrixcore.definition import Definition
from qbrixcore.errors import Unavailable
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.definitions import Definitions
from qbrixstore.redis.layout import Layout


@pytest.fixture
async def experiments(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> list[dict[str, Any]]:
    """Two on the pool."""
    return [await on(client, pool, policy) for policy in ("BetaTSPolicy", "auto")]


async def defined(
    settings: ProxySettings, admin: Person, experiment: dict[str, Any]
) -> Definition:
    async with RedisClient(settings.redis) as redis:
        definitions = Definitions(redis, await Layout.read(redis))
        found = await definitions.get(admin.tenant_id, experiment["id"])
    assert found is not None
    return found


async def test_new_arms_go_behind_the_others(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    metadata = {"price": 3, "tags": [None]}
    new = [{"name": "blue", "metadata": metadata}, {"name": "grey", "x": 1}]
    answer = await client.post(arms_of(pool), json={"arms": new})
    assert answer.status_code == 201
    changed = answer.json()
    assert changed["arms"][:2] == pool["arms"]
    assert [(arm["name"], arm["index"]) for arm in changed["arms"]] == [
        ("red", 0),
        ("green", 1),
        ("blue", 2),
        ("grey", 3),
    ]
    assert changed["arms"][2]["metadata"] == metadata
    assert all(arm["is_active"] for arm in changed["arms"])
    assert len({arm["id"] for arm in changed["arms"]}) == 4
    assert changed["updated_at"] > pool["updated_at"]
    assert (await client.get(f"{POOLS}/{pool['id']}")).json() == changed


async def test_every_experiment_on_the_pool_knows_at_once(
    client: httpx.AsyncClient,
    settings: ProxySettings,
    admin: Person,
    pool: dict[str, Any],
    experiments: list[dict[str, Any]],
) -> None:
    before = [await defined(settings, admin, one) for one in experiments]
    await client.post(arms_of(pool), json={"arms": [{"name": "blue"}]})
    await client.patch(url_of(pool, 0), json={"is_active": False})
    for one, old in zip(experiments, before, strict=True):
        new = await defined(settings, admin, one)
        assert new.version == old.version + 2
        assert [arm.name for arm in new.arms] == ["red", "green", "blue"]
        assert [arm.active for arm in new.arms] == [False, True, True]
        shown = (await client.get(f"/api/v1/experiments/{one['id']}")).json()
        assert [arm["is_active"] for arm in shown["pool"]["arms"]] == [
            False,
            True,
            True,
        ]


async def test_what_an_arm_is_can_change_and_its_place_cannot(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    old = pool["arms"][1]
    body = {"name": "lime", "metadata": {"hex": "#0f0"}, "index": 0, "id": "x"}
    answer = await client.patch(url_of(pool, 1), json=body)
    assert answer.status_code == 200
    assert answer.json() == {
        "id": old["id"],
        "name": "lime",
        "index": 1,
        "is_active": True,
        "metadata": {"hex": "#0f0"},
    }
    replaced = await client.patch(url_of(pool, 1), json={"metadata": {}})
    assert replaced.json() == {**answer.json(), "metadata": {}}
    # its former name is free again
    again = await client.patch(url_of(pool, 0), json={"name": "green"})
    assert again.json()["name"] == "green"


async def test_what_is_absent_or_null_stays(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    nothing = {"name": None, "metadata": None, "is_active": None}
    for body in ({}, nothing, {"name": "red", "is_active": True}):
        answer = await client.patch(url_of(pool, 0), json=body)
        assert (answer.status_code, answer.json()) == (200, pool["arms"][0])
    assert (await client.get(f"{POOLS}/{pool['id']}")).json() == pool


async def test_arms_added_at_once_get_indices_of_their_own(
    client: httpx.AsyncClient, pool: dict[str, Any], experiments: list[dict[str, Any]]
) -> None:
    answers = await asyncio.gather(
        *(
            client.post(arms_of(pool), json={"arms": [{"name": f"arm {n}"}]})
            for n in range(8)
        )
    )
    assert [answer.status_code for answer in answers] == [201] * 8
    arms = (await client.get(f"{POOLS}/{pool['id']}")).json()["arms"]
    assert [arm["index"] for arm in arms] == list(range(10))


async def test_each_change_is_in_the_audit_log(
    client: httpx.AsyncClient, pool: dict[str, Any]
) -> None:
    added = await client.post(arms_of(pool), json={"arms": [{"name": "blue"}]})
    arm = added.json()["arms"][2]
    await client.patch(f"{arms_of(pool)}/{arm['id']}", json={"is_active": False})
    await client.patch(f"{arms_of(pool)}/{arm['id']}", json={})
    entries = (await client.get("/api/v1/audit")).json()["entries"]
    noted = [(one["action"], one["subject_id"], one["changes"]) for one in entries[:3]]
    assert noted == [
        ("arm.update", arm["id"], {"pool_id": pool["id"], "is_active": False}),
        (
            "pool.add_arms",
            pool["id"],
            {"arms": [{"id": arm["id"], "name": "blue"}]},
        ),
        noted[2],
    ]
    assert noted[2][0] == "pool.create"


async def test_nothing_is_left_for_the_relay_to_do(
    client: httpx.AsyncClient,
    engine: AsyncEngine,
    pool: dict[str, Any],
    experiments: list[dict[str, Any]],
) -> None:
    await client.post(arms_of(pool), json={"arms": [{"name": "blue"}]})
    query = text("select count(*) from outbox where experiment_id = any(:ids)")
    ids = [one["id"] for one in experiments]

    async def empty() -> bool:
        async with engine.connect() as connection:
            return not await connection.scalar(query, {"ids": ids})

    await eventually(empty)


async def test_a_change_that_redis_did_not_hear_of_is_relayed(
    client: httpx.AsyncClient,
    settings: ProxySettings,
    admin: Person,
    pool: dict[str, Any],
    experiments: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(self: Publishing, definition: Definition) -> None:
        raise Unavailable("redis went away")

    with monkeypatch.context() as patched:
        patched.setattr(Publishing, "publish", away)
        answer = await client.post(arms_of(pool), json={"arms": [{"name": "blue"}]})
        assert answer.status_code == 201
        for one in experiments:
            assert len((await defined(settings, admin, one)).arms) == 2

    async def level() -> bool:
        known = [await defined(settings, admin, one) for one in experiments]
        return {len(one.arms) for one in known} == {3}

    await eventually(level)
