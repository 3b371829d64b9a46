"""Changing, replacing and deleting gates over REST, and who may."""

from __future__ import annotations

from typing import Any

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.conftest import client_of
from tests.proxy.gates.samples import FIELDS
from tests.proxy.gates.samples import full
from tests.proxy.people import Person
from tests.proxy.people import add_person

from proxysvc.app import Worker

NOTHING = "0" * 32
Json = dict[str, Any]


async def test_a_patch_changes_what_it_names(
    client: httpx.AsyncClient, url: str, red: str, green: str
) -> None:
    before = (await client.post(url, json=full(red))).json()

    async def patch(**changes: object) -> Json:
        answer = await client.patch(url, json=changes)
        assert answer.status_code == 200, answer.text
        after: Json = answer.json()
        assert after["version"] == before["version"] + 1
        assert after["updated_at"] > before["updated_at"]
        kept = FIELDS - set(changes) - {"version", "updated_at", "default_arm_name"}
        assert {k: after[k] for k in kept} == {k: before[k] for k in kept}
        before.update(after)
        return after

    assert (await patch(rollout_percentage=50))["rollout_percentage"] == 50
    assert (await patch(enabled=False))["enabled"] is False
    named = await patch(default_arm_id=green)
    assert named["default_arm_name"] == "green"
    for name in ("schedule_start", "schedule_end", "active_hours_start"):
        assert (await patch(**{name: None}))[name] is None
    assert (await patch(active_hours_end=None))["active_hours_end"] is None
    cleared = await patch(default_arm_id=None)
    assert cleared["default_arm_name"] is None
    assert (await patch(timezone=None))["timezone"] == "UTC"
    rule = {"key": "b", "operator": ">", "value": 2, "arm_name": "red"}
    assert (await patch(rules=[rule]))["rules"][0]["arm_id"] == red
    assert (await patch(rules=[]))["rules"] == []
    assert (await client.get(url)).json() == before


async def test_a_default_arm_is_replaced_by_name_too(
    client: httpx.AsyncClient, url: str, red: str, green: str
) -> None:
    await client.post(url, json={"default_arm_id": red})
    named = await client.patch(url, json={"default_arm_name": "green"})
    assert named.json()["default_arm_id"] == green
    cleared = await client.patch(url, json={"default_arm_name": None})
    assert cleared.json()["default_arm_id"] is None


async def test_put_replaces_the_whole(
    client: httpx.AsyncClient, url: str, red: str
) -> None:
    await client.post(url, json=full(red))
    replaced = (await client.put(url, json={"enabled": False})).json()
    assert (replaced["enabled"], replaced["version"]) == (False, 2)
    assert replaced["rollout_percentage"] == 100
    assert (replaced["default_arm_id"], replaced["rules"]) == (None, [])


async def test_a_gate_is_made_once_and_gone_when_deleted(
    client: httpx.AsyncClient, experiment: Json, url: str
) -> None:
    for call in (
        client.get(url),
        client.put(url, json={}),
        client.patch(url, json={"enabled": True}),
        client.delete(url),
        client.post(f"{url}/evaluate", json={"context_id": "x"}),
    ):
        missing = await call
        assert (missing.status_code, missing.json()["code"]) == (404, "GATE_NOT_FOUND")
    assert (await client.post(url, json={})).status_code == 201
    second = await client.post(url, json={"enabled": False})
    assert (second.status_code, second.json()["code"]) == (409, "CONFLICT")
    assert (await client.delete(url)).status_code == 200
    assert (await client.get(url)).status_code == 404
    assert (await client.post(url, json={})).json()["version"] == 1
    await client.delete(f"/api/v1/experiments/{experiment['id']}")
    for unknown in (url, f"/api/v1/gates/{NOTHING}", "/api/v1/gates/x"):
        for method in ("get", "post", "put", "patch", "delete"):
            body = {} if method in ("post", "put", "patch") else None
            answer = await client.request(method, unknown, json=body)
            assert answer.status_code == 404
            assert answer.json()["code"] == "EXPERIMENT_NOT_FOUND"


async def test_changes_are_in_the_audit_log(
    client: httpx.AsyncClient, pool: Json, experiment: Json, url: str, red: str
) -> None:
    await client.post(url, json={"default_arm_id": red})
    await client.patch(url, json={"rollout_percentage": 10})
    await client.delete(url)
    refused = await client.patch(url, json={"rollout_percentage": 10})
    assert refused.status_code == 404
    query = {"subject_id": experiment["id"]}
    log = (await client.get("/api/v1/audit", params=query)).json()["entries"]
    assert [entry["action"] for entry in log] == [
        "gate.delete",
        "gate.update",
        "gate.create",
        "experiment.create",
    ]
    assert log[1]["changes"]["rollout_percentage"] == 10
    assert log[2]["changes"]["default_arm_id"] == red
    body = {"name": "g", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    gated = await client.post("/api/v1/experiments", json={**body, "feature_gate": {}})
    query = {"subject_id": gated.json()["id"]}
    log = (await client.get("/api/v1/audit", params=query)).json()["entries"]
    assert {entry["action"] for entry in log} == {"gate.create", "experiment.create"}


async def test_roles_may_do_what_their_scopes_say(
    worker: Worker,
    engine: AsyncEngine,
    admin: Person,
    client: httpx.AsyncClient,
    url: str,
) -> None:
    viewer = await add_person(engine, "viewer", tenant_id=admin.tenant_id)
    assert (await client.post(url, json={})).status_code == 201
    async with client_of(worker, viewer.headers) as viewing:
        assert (await viewing.get(url)).status_code == 200
        tried = await viewing.post(f"{url}/evaluate", json={"context_id": ""})
        assert tried.status_code == 200
        for call in (
            viewing.post(url, json={}),
            viewing.put(url, json={}),
            viewing.patch(url, json={"enabled": False}),
            viewing.delete(url),
        ):
            denied = await call
            assert denied.status_code == 403
            assert denied.json()["code"] == "INSUFFICIENT_SCOPES"
    assert (await client.get(url)).json()["version"] == 1
