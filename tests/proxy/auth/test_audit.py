"""The audit log: every change, by whom and with which key, and no secret."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import an_email
from tests.proxy.auth.conftest import log_in
from tests.proxy.auth.conftest import new_key
from tests.proxy.auth.conftest import new_member
from tests.proxy.auth.conftest import refused
from tests.proxy.auth.conftest import with_key
from tests.proxy.conftest import client_of
from tests.proxy.grpc_calls import calls_to
from tests.proxy.people import Person
from tests.proxy.people import add_operator

from proxysvc.app import Worker
from proxysvc.publishing import Publishing
from qbrixcore.errors import Unavailable
from qbrixproto import auth_pb2
from qbrixstore.postgres import system_session
from qbrixstore.postgres.audit import Audit
from qbrixstore.postgres.pools import Pools

AUDIT = "/api/v1/audit"
POOL = {"name": "p", "arms": [{"name": "a"}]}


async def entries(client: httpx.AsyncClient, **query: Any) -> list[dict[str, Any]]:
    answer = await client.get(AUDIT, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


async def test_an_entry_says_who_what_when_and_with_which_key(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    key = await new_key(owner, name="k", scopes=["pool:write"])
    async with with_key(worker, key["key"]) as client:
        answer = await client.post(
            "/api/v1/pools", json=POOL, headers={"X-Request-ID": "call-7"}
        )
    pool = answer.json()
    newest, made, registered = await entries(owner)
    assert newest == {
        "id": newest["id"],
        "created_at": newest["created_at"],
        "user_id": founder.user["id"],
        "key_id": key["id"],
        "action": "pool.create",
        "subject_id": pool["id"],
        "changes": {"name": "p"},
        "request_id": "call-7",
    }
    assert newest["created_at"] > made["created_at"] > registered["created_at"]
    assert (made["action"], made["key_id"]) == ("key.create", None)
    assert made["changes"]["scopes"] == ["pool:write"]
    assert (registered["action"], registered["subject_id"]) == (
        "user.register",
        founder.user["id"],
    )


async def test_entries_are_paged_and_found_by_subject(
    owner: httpx.AsyncClient, founder: Registered
) -> None:
    pools = []
    for number in range(3):
        answer = await owner.post("/api/v1/pools", json={**POOL, "name": str(number)})
        pools.append(answer.json()["id"])
    page = (await owner.get(AUDIT, params={"limit": 2, "offset": 1})).json()
    assert (page["limit"], page["offset"]) == (2, 1)
    assert [one["subject_id"] for one in page["entries"]] == [pools[1], pools[0]]
    await owner.patch(f"/api/v1/pools/{pools[1]}", json={"name": "renamed"})
    found = await entries(owner, subject_id=pools[1])
    assert [one["action"] for one in found] == ["pool.update", "pool.create"]
    assert await entries(owner, subject_id="nothing") == []


Act = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


async def test_every_change_leaves_an_entry(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    """Each route that changes something, in an order in which it can."""
    member = await new_member(owner, worker)
    made = {"user": member.user["id"]}

    async def change(
        action: str, method: str, url: str, body: Any = None, keep: str = ""
    ) -> None:
        before = len(await entries(owner))
        answer = await owner.request(method, url.format(**made), json=body)
        assert answer.is_success, answer.text
        found = await entries(owner)
        assert len(found) == before + 1, (action, method, url)
        assert found[0]["action"] == action
        assert found[0]["user_id"] == founder.user["id"]
        if keep:
            made[keep] = answer.json()["id"]
            assert found[0]["subject_id"] == made[keep]

    api = "/api/v1"
    experiment = {"name": "e", "policy": "BetaTSPolicy"}
    await change("pool.create", "POST", f"{api}/pools", POOL, "pool")
    await change("pool.update", "PATCH", f"{api}/pools/{{pool}}", {"name": "q"})
    experiment["pool_id"] = made["pool"]
    url = f"{api}/experiments"
    await change("experiment.create", "POST", url, experiment, "experiment")
    url = f"{api}/experiments/{{experiment}}"
    await change("experiment.update", "PATCH", url, {"enabled": False})
    await change("experiment.delete", "DELETE", url)
    await change("pool.delete", "DELETE", f"{api}/pools/{{pool}}")
    person = {"email": an_email(), "password": PASSWORD}
    await change("user.create", "POST", "/auth/users", person)
    await change("user.update", "PUT", "/auth/users/{user}/role", {"role": "viewer"})
    await change("user.update", "DELETE", "/auth/users/{user}")
    await change("user.update", "PATCH", "/auth/users/{user}", {"is_active": True})
    await change("key.create", "POST", "/auth/api-keys", {}, "key")
    await change("key.update", "PATCH", "/auth/api-keys/{key}", {"name": "n"})
    await change("key.rotate", "POST", "/auth/api-keys/{key}/rotate")
    await change("key.revoke", "DELETE", "/auth/api-keys/{key}")
    new = {"current_password": PASSWORD, "new_password": "another password"}
    answer = await owner.put("/auth/profile/password", json=new)
    assert answer.status_code == 200
    again = await log_in(worker, founder.email, "another password")
    async with client_of(worker, again.headers) as client:
        assert (await entries(client))[0]["action"] == "user.password"


async def test_what_fails_leaves_no_entry(owner: httpx.AsyncClient) -> None:
    pool = (await owner.post("/api/v1/pools", json=POOL)).json()
    experiment = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    await owner.post("/api/v1/experiments", json=experiment)
    before = await entries(owner)
    for answer in (
        await owner.post("/api/v1/pools", json=POOL),
        await owner.delete(f"/api/v1/pools/{pool['id']}"),
        await owner.post("/api/v1/experiments", json=experiment),
        await owner.patch(f"/api/v1/experiments/{'0' * 32}", json={"enabled": False}),
        await owner.delete(f"/auth/api-keys/{'0' * 32}"),
    ):
        assert answer.is_client_error
    assert await entries(owner) == before


async def test_an_entry_and_its_change_are_one(
    owner: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = await entries(owner)

    async def broken(*given: object, **more: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(Pools, "add", broken)
        answer = await owner.post("/api/v1/pools", json=POOL)
        refused(answer, 503, "SERVICE_UNAVAILABLE")
    with monkeypatch.context() as patched:
        patched.setattr(Audit, "note", broken)
        answer = await owner.post("/api/v1/pools", json=POOL)
        refused(answer, 503, "SERVICE_UNAVAILABLE")
    assert await entries(owner) == before
    assert (await owner.get("/api/v1/pools")).json()["pools"] == []


async def test_a_creation_that_is_taken_back_says_so(
    owner: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = (await owner.post("/api/v1/pools", json=POOL)).json()

    async def lost(*given: object) -> None:
        raise Unavailable

    monkeypatch.setattr(Publishing, "publish", lost)
    body = {"name": "e", "pool_id": pool["id"], "policy": "BetaTSPolicy"}
    answer = await owner.post("/api/v1/experiments", json=body)
    refused(answer, 503, "SERVICE_UNAVAILABLE")
    deleted, created = (await entries(owner))[:2]
    assert created["action"] == "experiment.create"
    assert deleted["action"] == "experiment.delete"
    assert deleted["subject_id"] == created["subject_id"]
    assert "redis" in deleted["changes"]["reason"]


async def test_what_an_operator_does_is_told_to_the_tenant(
    worker: Worker, engine: AsyncEngine, founder: Registered, owner: httpx.AsyncClient
) -> None:
    async with calls_to(worker, await add_operator(engine)) as operator:
        await operator.UpdateUser(
            auth_pb2.UpdateUserRequest(
                user_id=founder.user["id"], plan_tier=auth_pb2.PLAN_TIER_SELF_HOSTED
            )
        )
    newest = (await entries(owner))[0]
    assert newest["action"] == "tenant.update"
    assert newest["changes"] == {"plan": "self-hosted"}
    assert newest["key_id"]
    assert newest["user_id"] != founder.user["id"]


async def test_a_log_is_its_tenants_and_for_admins(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient, admin: Person
) -> None:
    member = await new_member(owner, worker)
    pool = (await owner.post("/api/v1/pools", json=POOL)).json()
    async with client_of(worker, member.headers) as client:
        refused(await client.get(AUDIT), 403, "INSUFFICIENT_SCOPES")
    async with client_of(worker, admin.headers) as client:
        assert await entries(client) == []
        assert await entries(client, subject_id=pool["id"]) == []
    narrow = await new_key(owner, scopes=["audit:read"])
    async with with_key(worker, narrow["key"]) as client:
        assert len(await entries(client)) >= 3
        refused(await client.get("/auth/users"), 403, "INSUFFICIENT_SCOPES")


@pytest.fixture
async def everything_said(
    caplog: pytest.LogCaptureFixture,
) -> AsyncIterator[Callable[[], str]]:
    caplog.set_level(logging.DEBUG)
    yield lambda: "\n".join(
        f"{record.getMessage()} {record.args} {record.exc_text}"
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore"))
    )


async def test_no_secret_is_logged_or_kept_in_the_open(
    worker: Worker,
    engine: AsyncEngine,
    founder: Registered,
    owner: httpx.AsyncClient,
    everything_said: Callable[[], str],
) -> None:
    key = await new_key(owner)
    rotated = (await owner.post(f"/auth/api-keys/{key['id']}/rotate")).json()
    async with client_of(worker) as nobody:
        again = await nobody.post(
            "/auth/refresh", json={"refresh_token": founder.refresh}
        )
        for path in ("/auth/login", "/auth/register"):
            body = {"email": founder.email, "password": PASSWORD + "-wrong"}
            await nobody.post(path, json=body)
        for header in ("X-API-Key", "Authorization"):
            await nobody.get("/api/v1/pools", headers={header: key["key"] + "x"})
    new = {"current_password": PASSWORD, "new_password": PASSWORD + "-new"}
    await owner.put("/auth/profile/password", json=new)
    secrets = {
        PASSWORD,
        key["key"],
        rotated["key"],
        founder.access,
        founder.refresh,
        again.json()["access_token"],
        again.json()["refresh_token"],
    }
    tables = (
        "audit",
        "api_key",
        "login",
        "refresh_token",
        '"user"',
        "tenant",
        "credential_news",
    )
    async with system_session(engine) as session:
        kept = [
            json.dumps([list(map(str, row)) for row in await session.execute(query)])
            for query in (text(f"select * from {table}") for table in tables)
        ]
    assert key["id"] in kept[0]
    said = everything_said()
    for secret in secrets:
        assert secret not in said
        assert all(secret not in rows for rows in kept)
