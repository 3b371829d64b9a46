"""Registering, logging in, and staying logged in."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import Any

import httpx
import jwt
import msgspec
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import an_email
from tests.proxy.auth.conftest import log_in
from tests.proxy.auth.conftest import new_key
from tests.proxy.auth.conftest import refused
from tests.proxy.auth.conftest import sign_up
from tests.proxy.auth.conftest import undecodable
from tests.proxy.auth.forge import claims_of
from tests.proxy.conftest import client_of
from tests.proxy.waiting import eventually

from proxysvc.accounts.settings import DEVELOPMENT_SECRET
from proxysvc.accounts.settings import JwtSettings
from proxysvc.accounts.throttle import Doorkeeper
from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixstore.postgres import system_session

POOLS = "/api/v1/pools"


async def post(worker: Worker, path: str, **body: Any) -> httpx.Response:
    async with client_of(worker) as nobody:
        return await nobody.post(path, json=body)


async def refresh(worker: Worker, token: str) -> httpx.Response:
    return await post(worker, "/auth/refresh", refresh_token=token)


async def pools(worker: Worker, token: str) -> httpx.Response:
    async with client_of(worker, {"Authorization": f"Bearer {token}"}) as client:
        return await client.get(POOLS)


async def age(engine: AsyncEngine, token: str, seconds: int) -> None:
    """Let a refresh token have been used longer ago."""
    async with system_session(engine) as session:
        changed = await session.execute(
            text(
                "update refresh_token set used_at = used_at"
                " - make_interval(secs => :seconds) where id = :id returning used_at"
            ),
            {"seconds": seconds, "id": claims_of(token)["jti"]},
        )
        assert changed.scalar_one() is not None


@pytest.mark.parametrize("prefix", ["/auth", "/api/auth"])
async def test_whoever_registers_is_the_admin_of_a_tenant(
    worker: Worker, prefix: str
) -> None:
    email = an_email()
    before = time.time()
    answer = await post(
        worker,
        f"{prefix}/register",
        email=email.upper(),
        password=PASSWORD,
        plan_tier="enterprise",
        role="viewer",
    )
    assert answer.status_code == 201
    user = answer.json()
    assert set(user) == {
        "id",
        "email",
        "plan_tier",
        "role",
        "created_at",
        "is_active",
    }
    assert (user["email"], user["plan_tier"], user["role"], user["is_active"]) == (
        email,
        "self-hosted",
        "admin",
        True,
    )
    assert before - 60 < user["created_at"] < time.time() + 60
    login = await post(worker, f"{prefix}/login", email=email, password=PASSWORD)
    assert login.status_code == 200
    assert set(login.json()) == {
        "user",
        "access_token",
        "refresh_token",
        "token_type",
    }
    assert login.json()["token_type"] == "bearer"
    assert login.json()["user"] == user
    assert (await pools(worker, login.json()["access_token"])).status_code == 200


async def test_an_address_is_taken_once(worker: Worker, founder: Registered) -> None:
    again = await post(
        worker, "/auth/register", email=founder.email.title(), password=PASSWORD
    )
    refused(again, 409, "USER_ALREADY_EXISTS")


async def test_registration_can_be_closed(
    settings: ProxySettings, engine: AsyncEngine
) -> None:
    closed = msgspec.structs.replace(settings, registration="closed")
    async with proxy(closed) as worker:
        email = an_email()
        answer = await post(worker, "/auth/register", email=email, password=PASSWORD)
        refused(answer, 403, "FORBIDDEN")
        answer = await post(worker, "/auth/login", email=email, password=PASSWORD)
        refused(answer, 401, "UNAUTHORIZED")


async def test_what_does_not_decode_is_422(worker: Worker) -> None:
    good = {"email": "a@example.org", "password": PASSWORD}
    long = "x" * 5_000
    for path, body, field in (
        ("register", {}, "email"),
        ("register", {"email": "a@example.org"}, "password"),
        ("register", {**good, "email": "nobody"}, "email"),
        ("register", {**good, "email": "a@b"}, "email"),
        ("register", {**good, "email": "a b@c.de"}, "email"),
        ("register", {**good, "email": "a\x00@c.de"}, "email"),
        ("register", {**good, "email": 5}, "email"),
        ("register", {**good, "password": "short"}, "password"),
        ("register", {**good, "password": long}, "password"),
        ("login", {"email": "a@c.de"}, "password"),
        ("login", {**good, "password": None}, "password"),
        ("refresh", {}, "refresh_token"),
        ("refresh", {"refresh_token": 5}, "refresh_token"),
        ("refresh", {"refresh_token": long}, "refresh_token"),
    ):
        answer = await post(worker, f"/auth/{path}", **body)
        assert undecodable(answer) == ["body", field]


async def test_a_wrong_login_does_not_say_what_was_wrong(
    worker: Worker, founder: Registered
) -> None:
    details = {
        refused(
            await post(worker, "/auth/login", email=email, password=password),
            401,
            "UNAUTHORIZED",
        )
        for email, password in (
            (founder.email, "wrong password"),
            (founder.email, ""),
            (founder.email, PASSWORD + "x" * 2_000),
            (an_email(), PASSWORD),
            ("not an address", PASSWORD),
            ("nul\x00@example.org", PASSWORD),
        )
    }
    assert len(details) == 1


async def test_claims_are_those_of_the_contract(
    worker: Worker, founder: Registered
) -> None:
    access, kept = claims_of(founder.access), claims_of(founder.refresh)
    assert set(access) == {
        "sub",
        "tenant_id",
        "email",
        "role",
        "plan_tier",
        "sid",
        "iat",
        "exp",
        "type",
    }
    assert access["sub"] == founder.user["id"]
    assert (access["email"], access["role"]) == (founder.email, "admin")
    assert (access["type"], kept["type"]) == ("access", "refresh")
    assert access["exp"] - access["iat"] == 30 * 60
    assert kept["exp"] - kept["iat"] == 7 * 24 * 3_600
    assert jwt.get_unverified_header(founder.access)["alg"] == "HS256"


async def test_one_kind_of_token_is_not_the_other(
    worker: Worker, founder: Registered
) -> None:
    refused(await pools(worker, founder.refresh), 401, "INVALID_TOKEN")
    refused(await refresh(worker, founder.access), 401, "INVALID_TOKEN")


async def test_forged_tokens_are_refused(worker: Worker, founder: Registered) -> None:
    claims = claims_of(founder.access)
    for secret, changes in (
        ("x" * 64, {}),
        (DEVELOPMENT_SECRET, {"exp": int(time.time()) - 1}),
        (DEVELOPMENT_SECRET, {"sid": "0" * 32}),
        (DEVELOPMENT_SECRET, {"sid": "x" * 64}),
        (DEVELOPMENT_SECRET, {"type": "other"}),
    ):
        forged = jwt.encode(
            {**claims, **changes}, secret, "HS256", headers={"kid": "secret"}
        )
        refused(await pools(worker, forged), 401, "INVALID_TOKEN")
    for token in ("a.b.c", founder.access[:-3] + "AAA", founder.access + "."):
        answer = await pools(worker, token)
        assert answer.status_code == 401
    unknown = {**claims_of(founder.refresh), "jti": "0" * 32}
    forged = jwt.encode(unknown, DEVELOPMENT_SECRET, headers={"kid": "secret"})
    refused(await refresh(worker, forged), 401, "INVALID_TOKEN")
    for token in ("", "x", "a.b.c"):
        refused(await refresh(worker, token), 401, "INVALID_TOKEN")


async def test_a_role_in_a_token_is_not_believed(
    worker: Worker, engine: AsyncEngine, founder: Registered, owner: httpx.AsyncClient
) -> None:
    body = {"email": an_email(), "password": PASSWORD, "role": "viewer"}
    await owner.post("/auth/users", json=body)
    viewer = await log_in(worker, body["email"])
    claims = {**claims_of(viewer.access), "role": "admin"}
    token = jwt.encode(claims, DEVELOPMENT_SECRET, headers={"kid": "secret"})
    async with client_of(worker, {"Authorization": f"Bearer {token}"}) as client:
        assert (await client.get(POOLS)).status_code == 200
        refused(await client.get("/auth/users"), 403, "INSUFFICIENT_SCOPES")


async def test_a_refresh_gives_another_pair_and_the_old_token_lingers(
    worker: Worker, engine: AsyncEngine, founder: Registered
) -> None:
    first = await refresh(worker, founder.refresh)
    assert first.status_code == 200
    assert set(first.json()) == {"access_token", "refresh_token", "token_type"}
    assert first.json()["refresh_token"] != founder.refresh
    assert (await pools(worker, first.json()["access_token"])).status_code == 200
    await age(engine, founder.refresh, 55)
    again = await refresh(worker, founder.refresh)
    assert again.status_code == 200
    for answer in (first, again):
        newer = await refresh(worker, answer.json()["refresh_token"])
        assert newer.status_code == 200
    assert (await pools(worker, founder.access)).status_code == 200


async def test_a_token_used_too_late_revokes_its_whole_login(
    worker: Worker, engine: AsyncEngine, founder: Registered
) -> None:
    other = await log_in(worker, founder.email)
    newer = (await refresh(worker, founder.refresh)).json()
    assert (await pools(worker, newer["access_token"])).status_code == 200
    await age(engine, founder.refresh, 61)
    refused(await refresh(worker, founder.refresh), 401, "INVALID_TOKEN")

    for token in (newer["refresh_token"], founder.refresh):
        refused(await refresh(worker, token), 401, "INVALID_TOKEN")
    for token in (newer["access_token"], founder.access):
        refused(await pools(worker, token), 401, "INVALID_TOKEN")
    assert (await pools(worker, other.access)).status_code == 200
    assert (await refresh(worker, other.refresh)).status_code == 200


async def test_many_tabs_may_refresh_at_once(
    worker: Worker, founder: Registered
) -> None:
    answers = await asyncio.gather(
        *(refresh(worker, founder.refresh) for _ in range(8))
    )
    assert [answer.status_code for answer in answers] == [200] * 8
    tokens = {answer.json()["refresh_token"] for answer in answers}
    assert len(tokens) == 8


async def test_expired_logins_are_forgotten(
    worker: Worker, engine: AsyncEngine, founder: Registered
) -> None:
    await log_in(worker, founder.email)
    params = {"user": founder.user["id"]}
    async with system_session(engine) as session:
        await session.execute(
            text("update login set expires_at = now() where user_id = :user"), params
        )
    await log_in(worker, founder.email)
    async with system_session(engine) as session:
        left = await session.scalar(
            text("select count(*) from login where user_id = :user"), params
        )
    assert left == 1


async def test_a_new_password_ends_every_login(
    worker: Worker, founder: Registered, owner: httpx.AsyncClient
) -> None:
    key = await new_key(owner)
    path = "/auth/profile/password"
    body = {"current_password": "wrong one", "new_password": "another password"}
    refused(await owner.put(path, json=body), 403, "FORBIDDEN")
    short = {"current_password": PASSWORD, "new_password": "short"}
    assert (await owner.put(path, json=short)).status_code == 422
    body["current_password"] = PASSWORD
    assert (await owner.put(path, json=body)).status_code == 200

    refused(await owner.get(POOLS), 401, "INVALID_TOKEN")
    refused(await refresh(worker, founder.refresh), 401, "INVALID_TOKEN")
    async with client_of(worker, {"X-API-Key": key["key"]}) as client:
        assert (await client.get(POOLS)).status_code == 200
    old = await post(worker, "/auth/login", email=founder.email, password=PASSWORD)
    refused(old, 401, "UNAUTHORIZED")
    assert await log_in(worker, founder.email, "another password")


async def test_attempts_are_bounded_by_address_of_mail(
    settings: ProxySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = partial(Doorkeeper, by_email=3)
    monkeypatch.setattr("proxysvc.accounts.assembly.Doorkeeper", door)
    async with proxy(settings) as worker:
        founder = await sign_up(worker)
        wrong = {"email": founder.email.upper(), "password": "wrong"}
        refused(await post(worker, "/auth/login", **wrong), 401, "UNAUTHORIZED")
        wrong["password"] = PASSWORD
        answer = await post(worker, "/auth/login", **wrong)
        refused(answer, 429, "RATE_LIMITED")
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        other = await sign_up(worker)
        assert other.user["id"] != founder.user["id"]


async def test_attempts_are_bounded_by_where_they_come_from(
    settings: ProxySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = partial(Doorkeeper, by_address=2)
    monkeypatch.setattr("proxysvc.accounts.assembly.Doorkeeper", door)
    async with proxy(settings) as worker:
        await sign_up(worker)
        for path in ("/auth/login", "/auth/register"):
            body = {"email": an_email(), "password": PASSWORD}
            answer = await post(worker, path, **body)
            refused(answer, 429, "RATE_LIMITED")


async def test_the_life_of_an_access_token_is_configured(
    settings: ProxySettings,
) -> None:
    own = JwtSettings(
        secret_key="k" * 48, algorithm="HS384", access_token_expire_minutes=5
    )
    async with proxy(msgspec.structs.replace(settings, jwt=own)) as worker:
        founder = await sign_up(worker)
        claims = claims_of(founder.access)
        assert claims["exp"] - claims["iat"] == 300
        assert jwt.get_unverified_header(founder.access)["alg"] == "HS384"
        assert (await pools(worker, founder.access)).status_code == 200


async def test_a_cheaper_hash_is_renewed_at_the_next_login(
    worker: Worker, engine: AsyncEngine, founder: Registered
) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    params = {"hash": cheap, "user": founder.user["id"]}
    async with system_session(engine) as session:
        await session.execute(
            text('update "user" set password_hash = :hash where id = :user'), params
        )
    await log_in(worker, founder.email)

    async def renewed() -> bool:
        async with system_session(engine) as session:
            found = await session.scalar(
                text('select password_hash from "user" where id = :user'), params
            )
        return bool(found != cheap)

    await eventually(renewed)
    await log_in(worker, founder.email)
