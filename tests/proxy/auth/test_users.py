"""The users of a tenant: added, given roles, let in and out."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import an_email
from tests.proxy.auth.conftest import new_key
from tests.proxy.auth.conftest import new_member
from tests.proxy.auth.conftest import refused
from tests.proxy.auth.conftest import sign_up
from tests.proxy.auth.conftest import undecodable
from tests.proxy.auth.conftest import with_key
from tests.proxy.conftest import client_of
from tests.proxy.people import Person

from proxysvc.app import Worker
from qbrixstore.postgres.access import ROLES

USERS = "/auth/users"
POOLS = "/api/v1/pools"


@pytest.mark.parametrize("prefix", ["/auth", "/api/auth"])
async def test_a_profile_is_the_callers(
    worker: Worker, founder: Registered, prefix: str
) -> None:
    async with client_of(worker, founder.headers) as owner:
        assert (await owner.get(f"{prefix}/profile")).json() == founder.user
        key = await new_key(owner)
    async with with_key(worker, key["key"]) as client:
        assert (await client.get(f"{prefix}/profile")).json() == founder.user


@pytest.mark.parametrize("prefix", ["/auth", "/api/auth"])
async def test_nobody_is_let_in(worker: Worker, prefix: str) -> None:
    one = "0" * 32
    async with client_of(worker) as nobody:
        for method, path in (
            ("GET", "/profile"),
            ("PUT", "/profile/password"),
            ("GET", "/roles"),
            ("GET", "/users"),
            ("POST", "/users"),
            ("GET", f"/users/{one}"),
            ("PATCH", f"/users/{one}"),
            ("DELETE", f"/users/{one}"),
            ("PUT", f"/users/{one}/role"),
            ("GET", "/api-keys"),
            ("POST", "/api-keys"),
            ("GET", f"/api-keys/{one}"),
            ("PATCH", f"/api-keys/{one}"),
            ("DELETE", f"/api-keys/{one}"),
            ("POST", f"/api-keys/{one}/rotate"),
            ("GET", f"/api-keys/{one}/usage"),
        ):
            answer = await nobody.request(method, prefix + path)
            refused(answer, 401, "UNAUTHORIZED")


async def test_roles_are_listed_with_what_they_may(owner: httpx.AsyncClient) -> None:
    roles = (await owner.get("/auth/roles")).json()["roles"]
    assert {role["name"]: set(role["scopes"]) for role in roles} == ROLES
    assert all(set(role) == {"name", "description", "scopes"} for role in roles)
    assert all(role["description"] for role in roles)


async def test_users_are_added_listed_and_read(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    members = [await new_member(owner, worker, role) for role in ("viewer", "admin")]
    assert [member.user["role"] for member in members] == ["viewer", "admin"]
    listed = (await owner.get(USERS)).json()
    wanted = [members[1].user, members[0].user, founder.user]
    assert listed == {"users": wanted, "limit": 100, "offset": 0}
    page = (await owner.get(USERS, params={"limit": 1, "offset": 1})).json()
    assert page == {"users": [members[0].user], "limit": 1, "offset": 1}
    for user in wanted:
        assert (await owner.get(f"{USERS}/{user['id']}")).json() == user
    default = await owner.post(USERS, json={"email": an_email(), "password": PASSWORD})
    assert default.json()["role"] == "member"
    taken = await owner.post(USERS, json={"email": founder.email, "password": PASSWORD})
    refused(taken, 409, "USER_ALREADY_EXISTS")


@pytest.mark.parametrize("role", ["viewer", "member"])
async def test_only_admins_manage_users(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient, role: str
) -> None:
    member = await new_member(owner, worker, role)
    url = f"{USERS}/{founder.user['id']}"
    body = {"email": an_email(), "password": PASSWORD}
    async with client_of(worker, member.headers) as client:
        for call in (
            client.get(USERS),
            client.post(USERS, json=body),
            client.get(url),
            client.patch(url, json={"is_active": False}),
            client.put(f"{url}/role", json={"role": "viewer"}),
            client.put(f"{USERS}/{member.user['id']}/role", json={"role": "admin"}),
            client.delete(url),
            client.get("/api/v1/audit"),
        ):
            refused(await call, 403, "INSUFFICIENT_SCOPES")
        assert (await client.get("/auth/profile")).json() == member.user


async def test_a_role_is_changed_and_counts_at_once(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    member = await new_member(owner, worker, "viewer")
    url = f"{USERS}/{member.user['id']}"
    pool: dict[str, Any] = {"name": "p", "arms": [{"name": "a"}]}
    async with client_of(worker, member.headers) as client:
        key = await new_key(client)
        async with with_key(worker, key["key"]) as keyed:
            for caller in (client, keyed):
                answer = await caller.post(POOLS, json=pool)
                refused(answer, 403, "INSUFFICIENT_SCOPES")
            answer = await owner.put(f"{url}/role", json={"role": "member"})
            assert answer.status_code == 200
            assert set(answer.json()) == {"message"}
            for number, caller in enumerate((client, keyed)):
                made = await caller.post(POOLS, json={**pool, "name": f"p{number}"})
                assert made.status_code == 201
            back = await owner.patch(url, json={"role": "viewer"})
            assert back.json()["role"] == "viewer"
            for caller in (client, keyed):
                refused(await caller.post(POOLS, json=pool), 403, "INSUFFICIENT_SCOPES")


async def test_a_deactivated_user_is_out_and_may_come_back(
    worker: Worker, owner: httpx.AsyncClient
) -> None:
    member = await new_member(owner, worker)
    url = f"{USERS}/{member.user['id']}"
    async with client_of(worker, member.headers) as client:
        key = await new_key(client)
        async with with_key(worker, key["key"]) as keyed:
            assert (await keyed.get(POOLS)).status_code == 200
            gone = await owner.delete(url)
            assert (gone.status_code, set(gone.json())) == (200, {"message"})
            refused(await client.get(POOLS), 401, "INVALID_TOKEN")
            refused(await keyed.get(POOLS), 401, "INVALID_API_KEY")
            body = {"email": member.email, "password": PASSWORD}
            async with client_of(worker) as nobody:
                refused(
                    await nobody.post("/auth/login", json=body), 401, "UNAUTHORIZED"
                )
                token = {"refresh_token": member.refresh}
                refused(
                    await nobody.post("/auth/refresh", json=token), 401, "INVALID_TOKEN"
                )
            assert (await owner.get(url)).json()["is_active"] is False
            back = await owner.patch(url, json={"is_active": True})
            assert back.json()["is_active"] is True
            assert (await client.get(POOLS)).status_code == 200
            assert (await keyed.get(POOLS)).status_code == 200


async def test_an_empty_change_is_none(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    url = f"{USERS}/{founder.user['id']}"
    for body in ({}, {"role": None, "is_active": None}):
        answer = await owner.patch(url, json=body)
        assert (answer.status_code, answer.json()) == (200, founder.user)


async def test_the_last_admin_stays(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    url = f"{USERS}/{founder.user['id']}"
    for call in (
        owner.delete(url),
        owner.patch(url, json={"role": "member"}),
        owner.put(f"{url}/role", json={"role": "viewer"}),
    ):
        refused(await call, 409, "CONFLICT")
    assert (await owner.get(url)).json() == founder.user
    await new_member(owner, worker, "admin")
    assert (await owner.delete(url)).status_code == 200


async def test_a_narrow_key_gives_nobody_more_than_it_has(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    viewer = await new_member(owner, worker, "viewer")
    key = await new_key(owner, scopes=["user:write", "user:read"])
    body = {"email": an_email(), "password": PASSWORD, "role": "admin"}
    async with with_key(worker, key["key"]) as client:
        for call in (
            client.post(USERS, json=body),
            client.post(USERS, json={**body, "role": "viewer"}),
            client.put(f"{USERS}/{viewer.user['id']}/role", json={"role": "admin"}),
            client.put(f"{USERS}/{founder.user['id']}/role", json={"role": "viewer"}),
            client.delete(f"{USERS}/{viewer.user['id']}"),
        ):
            refused(await call, 403, "INSUFFICIENT_SCOPES")
        assert (await client.get(USERS)).status_code == 200


async def test_what_does_not_decode_is_422(
    founder: Registered, owner: httpx.AsyncClient
) -> None:
    one = f"/{founder.user['id']}"
    good = {"email": "a@b.de", "password": PASSWORD}
    for method, path, body, field in (
        ("POST", "", {"email": "a@b.de"}, "password"),
        ("POST", "", {**good, "email": "a"}, "email"),
        ("POST", "", {**good, "role": "operator"}, "role"),
        ("PUT", f"{one}/role", {}, "role"),
        ("PUT", f"{one}/role", {"role": "emperor"}, "role"),
        ("PATCH", one, {"is_active": "no"}, "is_active"),
        ("PATCH", one, {"role": "operator"}, "role"),
    ):
        answer = await owner.request(method, USERS + path, json=body)
        assert undecodable(answer) == ["body", field]


async def test_pages_are_bounded(owner: httpx.AsyncClient) -> None:
    for query in ({"limit": 0}, {"limit": 1001}, {"offset": -1}):
        for path in (USERS, "/api/v1/audit"):
            answer = await owner.get(path, params=query)
            assert undecodable(answer) == ["query", *query]


async def test_users_of_others_are_not_found(
    worker: Worker, founder: Registered, engine: AsyncEngine, admin: Person
) -> None:
    stranger = await sign_up(worker)
    url = f"{USERS}/{founder.user['id']}"
    async with client_of(worker, stranger.headers) as client:
        for target in (url, f"{USERS}/nobody", f"{USERS}/{'0' * 32}"):
            for call in (
                client.get(target),
                client.patch(target, json={"is_active": False}),
                client.patch(target, json={}),
                client.delete(target),
                client.put(f"{target}/role", json={"role": "viewer"}),
            ):
                refused(await call, 404, "USER_NOT_FOUND")
        listed = (await client.get(USERS)).json()["users"]
        assert [user["id"] for user in listed] == [stranger.user["id"]]
