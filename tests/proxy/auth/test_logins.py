"""Registering, logging in, and staying logged in."""

from __future__ import annotations

import time
from functools import partial

import jwt
import msgspec
import pytest
from argon2 import PasswordHasher
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.auth.calls import pools
from tests.proxy.auth.calls import post
from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import Registered
from tests.proxy.auth.conftest import an_email
from tests.proxy.auth.conftest import log_in
from tests.proxy.auth.conftest import refused
from tests.proxy.auth.conftest import sign_up
from tests.proxy.auth.conftest import undecodable
from tests.proxy.auth.forge import claims_of
from tests.proxy.waiting import eventually

from proxysvc.accounts.settings import JwtSettings
from proxysvc.accounts.throttle import Doorkeeper
from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.settings import ProxySettings
from qbrixstore.postgres import system_session


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
