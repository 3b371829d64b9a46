"""Operators: made, listed and revoked, and plans, on the embedded Postgres."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Awaitable
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixcli import operators
from qbrixcli.main import main
from qbrixcli.main import parser
from qbrixserving.passwords import Passwords
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.access import PLANS
from qbrixstore.postgres.credentials import Credentials
from qbrixstore.postgres.news import NewsOfCredentials
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import Account
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.postgres.users import Users

T = TypeVar("T")


@pytest.fixture(autouse=True)
def environment(
    monkeypatch: pytest.MonkeyPatch, postgres_server: PostgresSettings, tmp_path: Path
) -> None:
    monkeypatch.setenv("QBRIX_DATA_DIR", str(tmp_path))
    for user in ("PROXY", "CORTEX"):
        for name in ("host", "port", "user", "password", "database", "sslmode"):
            value = str(getattr(postgres_server, name))
            monkeypatch.setenv(f"{user}_POSTGRES_{name.upper()}", value)


def in_postgres(
    settings: PostgresSettings, work: Callable[[AsyncSession], Awaitable[T]]
) -> T:
    async def run() -> T:
        engine = init_db(settings)
        try:
            async with system_session(engine) as session:
                return await work(session)
        finally:
            await engine.dispose()

    return asyncio.run(run())


def said(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> str:
    assert main(["operator", *words]) == code
    captured = capsys.readouterr()
    return captured.err if code else captured.out


def test_an_operator_is_made_listed_and_revoked(
    postgres_server: PostgresSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    first, text, _ = said(capsys, "create", "--name", "ours").split("\n")
    assert re.fullmatch(r"optiq_[A-Za-z0-9_-]{43}", first)
    assert "only now" in text
    digest = hashlib.sha256(first.encode()).hexdigest()

    async def who(session: AsyncSession) -> Principal | None:
        return await Credentials(session).by_digest(digest)

    found = in_postgres(postgres_server, who)
    assert found is not None
    assert (found.role, found.scopes) == ("operator", {"system:admin"})
    said(capsys, "create")
    listed = said(capsys, "list").strip().split("\n")
    assert [line.split()[-1] for line in listed] == ["ours", "key"]
    assert first not in "".join(listed)
    assert found.key_id in listed[0]
    assert found.key_id in said(capsys, "revoke", found.key_id)
    assert in_postgres(postgres_server, who) is None
    assert "revoked" in said(capsys, "list").split("\n")[0]
    assert "no operator has" in said(capsys, "revoke", "0" * 32, code=2)


def test_a_tenant_is_put_on_a_plan(
    postgres_server: PostgresSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    async def tenant(session: AsyncSession) -> str:
        made = await Tenants(session).add("acme")
        await Users(session, made.id).add("boss@example.org", "!", "admin")
        return made.id

    tenant_id = in_postgres(postgres_server, tenant)
    assert "on the plan pro" in said(capsys, "plan", "Boss@example.org", "pro")

    async def seen(session: AsyncSession) -> tuple[str, list[tuple[str, str | None]]]:
        plan = (await Tenants(session).get(tenant_id)).plan
        news = await NewsOfCredentials(session).claim()
        return plan, [(one.tenant_id, one.user_id) for one in news]

    plan, news = in_postgres(postgres_server, seen)
    assert plan == "pro"
    assert (tenant_id, None) in news
    assert "no user has" in said(capsys, "plan", "nobody@example.org", "pro", code=2)


def test_the_first_admin_is_made_once(
    postgres_server: PostgresSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    password, text, _ = said(capsys, "admin", " Chief@example.org").split("\n")
    assert "chief@example.org" in text

    async def account(session: AsyncSession) -> tuple[Account | None, str]:
        found = await Credentials(session).by_email("chief@example.org")
        assert found is not None
        return found, (await Tenants(session).get(found.user.tenant_id)).name

    found, tenant = in_postgres(postgres_server, account)
    assert found is not None
    assert (found.user.role, found.plan, tenant) == ("admin", "self-hosted", "Chief")
    assert asyncio.run(Passwords().verify(found.password_hash, password))
    again = said(capsys, "admin", "chief@example.org", "--plan", "pro")
    assert "nothing was changed" in again
    assert in_postgres(postgres_server, account) == (found, tenant)

    async def others(session: AsyncSession) -> None:
        users = Users(session, found.user.tenant_id)
        await users.add("member@example.org", "!", "member")
        gone = await users.add("gone@example.org", "!", "admin")
        await users.update(gone.id, is_active=False)

    in_postgres(postgres_server, others)
    for name, state in (("member", "member"), ("gone", "deactivated")):
        refused = said(capsys, "admin", f"{name}@example.org", code=2)
        assert f"is there already, and is {state}" in refused
    assert "not an e-mail address" in said(capsys, "admin", "nobody", code=2)


def test_plans_are_those_of_the_store() -> None:
    assert operators.PLANS == PLANS
    with pytest.raises(SystemExit):
        parser().parse_args(["operator", "plan", "a@example.org", "gold"])
