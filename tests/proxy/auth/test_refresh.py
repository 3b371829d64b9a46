"""Tokens of people: what they say, how they are renewed, and how they end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx
import jwt
import msgspec
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.calls import pools
from tests.proxy.auth.calls import post
from tests.proxy.auth.calls import refresh
from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import an_email
from tests.proxy.auth.conftest import log_in
from tests.proxy.auth.conftest import new_key
from tests.proxy.auth.conftest import refused
from tests.proxy.auth.conftest import sign_up
from tests.proxy.auth.forge import claims_of
from tests.proxy.auth.forge import key_file
from tests.proxy.auth.forge import oct_key
from tests.proxy.auth.forge import private_key
from tests.proxy.auth.forge import public_half
from tests.proxy.conftest import client_of

from proxysvc.accounts.settings import DEVELOPMENT_SECRET
from proxysvc.accounts.settings import JwtSettings
from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixstore.postgres import system_session

POOLS = "/api/v1/pools"


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


async def test_keys_change_without_logging_anybody_out(
    settings: ProxySettings, tmp_path: Path
) -> None:
    """From the secret to a pair, of which later only the public half is left."""
    secret = "the secret that was used until today"
    before = msgspec.structs.replace(settings, jwt=JwtSettings(secret_key=secret))
    async with proxy(before) as worker:
        founder = await sign_up(worker)
    pair, new = private_key("pair", "ES256"), private_key("new", "EdDSA")
    old = oct_key("secret", secret=secret)
    for keys, kid in (([pair, old], "pair"), ([new, public_half(pair)], "new")):
        file = key_file(tmp_path, *keys)
        after = msgspec.structs.replace(settings, jwt=JwtSettings(keys_file=file))
        async with proxy(after) as worker:
            assert (await pools(worker, founder.access)).status_code == 200
            answer = await refresh(worker, founder.refresh)
            assert answer.status_code == 200
            made = answer.json()
            assert jwt.get_unverified_header(made["access_token"])["kid"] == kid
            assert (await pools(worker, made["access_token"])).status_code == 200
        stale = founder
        founder = Registered(founder.user, made["access_token"], made["refresh_token"])
    async with proxy(after) as worker:
        # signed by a key that is gone, or that only verifies now
        assert (await pools(worker, stale.access)).status_code == 200
        first = await log_in(worker, founder.email)
        assert (await pools(worker, first.access)).status_code == 200
    file = key_file(tmp_path, new)
    last = msgspec.structs.replace(settings, jwt=JwtSettings(keys_file=file))
    async with proxy(last) as worker:
        refused(await pools(worker, stale.access), 401, "INVALID_TOKEN")
        refused(await refresh(worker, stale.refresh), 401, "INVALID_TOKEN")
        assert (await pools(worker, founder.access)).status_code == 200
