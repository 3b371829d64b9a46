"""Logins: families of refresh tokens, each used once."""

from __future__ import annotations

import asyncio
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from uuid import uuid4

from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.postgres.test_people import new_user

from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.account_tables import LoginRow
from qbrixstore.postgres.account_tables import RefreshTokenRow
from qbrixstore.postgres.credentials import Credentials
from qbrixstore.postgres.logins import Exchange
from qbrixstore.postgres.logins import Logins
from qbrixstore.postgres.news import NewsOfCredentials
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import User
from qbrixstore.postgres.users import Users

GRACE = timedelta(seconds=60)


class Family:
    """A login and what is done with its tokens."""

    def __init__(self, engine: AsyncEngine, user: User) -> None:
        self.engine = engine
        self.user = user
        self.login = uuid4().hex
        self.first = uuid4().hex

    async def open(self, life: timedelta = timedelta(days=7)) -> Family:
        async with get_session(self.engine, self.user.tenant_id) as session:
            logins = Logins(session, self.user.tenant_id)
            end = datetime.now(UTC) + life
            await logins.open(self.user.id, self.login, self.first, end)
        return self

    async def exchange(
        self, token: str, tenant: str | None = None
    ) -> tuple[Exchange, str]:
        tenant, made = tenant or self.user.tenant_id, uuid4().hex
        end = datetime.now(UTC) + timedelta(days=7)
        async with get_session(self.engine, tenant) as session:
            logins = Logins(session, tenant)
            outcome = await logins.exchange(self.login, token, made, end, GRACE)
        return outcome, made

    async def age(self, token: str, seconds: int) -> None:
        async with system_session(self.engine) as session:
            await session.execute(
                update(RefreshTokenRow)
                .where(RefreshTokenRow.id == token)
                .values(used_at=func.now() - timedelta(seconds=seconds))
            )

    async def who(self) -> Principal | None:
        async with system_session(self.engine) as session:
            return (await Credentials(session).by_logins([self.login])).get(self.login)


async def test_a_login_stands_for_its_user(engine: AsyncEngine, tenant: str) -> None:
    user = await new_user(engine, tenant)
    family = await Family(engine, user).open()
    found = await family.who()
    assert found is not None
    assert (found.tenant_id, found.user_id, found.key_id) == (tenant, user.id, "")
    async with get_session(engine, tenant) as session:
        await Users(session, tenant).update(user.id, role="viewer")
    found = await family.who()
    assert found is not None
    assert found.role == "viewer"
    async with get_session(engine, tenant) as session:
        await Users(session, tenant).update(user.id, is_active=False)
    assert await family.who() is None
    assert (await family.exchange(family.first))[0] is Exchange.UNKNOWN


async def test_a_token_is_exchanged_and_lingers(
    engine: AsyncEngine, tenant: str
) -> None:
    family = await Family(engine, await new_user(engine, tenant)).open()
    outcome, second = await family.exchange(family.first)
    assert outcome is Exchange.DONE
    await family.age(family.first, 59)
    assert (await family.exchange(family.first))[0] is Exchange.DONE
    assert (await family.exchange(second))[0] is Exchange.DONE


async def test_a_late_second_use_ends_the_family(
    engine: AsyncEngine, tenant: str
) -> None:
    user = await new_user(engine, tenant)
    family, other = [await Family(engine, user).open() for _ in range(2)]
    _, second = await family.exchange(family.first)
    await family.age(family.first, 61)
    assert (await family.exchange(family.first))[0] is Exchange.REUSED
    for token in (family.first, second):
        assert (await family.exchange(token))[0] is Exchange.UNKNOWN
    assert await family.who() is None
    assert await other.who() is not None
    async with system_session(engine) as session:
        news = await NewsOfCredentials(session).claim()
        assert user.id in {one.user_id for one in news}


async def test_unknown_tokens_do_nothing(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    user = await new_user(engine, tenant)
    family, elsewhere = [await Family(engine, user).open() for _ in range(2)]
    for token in (uuid4().hex, elsewhere.first):
        assert (await family.exchange(token))[0] is Exchange.UNKNOWN
    outcome, _ = await family.exchange(family.first, tenant=other)
    assert outcome is Exchange.UNKNOWN
    assert await family.who() is not None
    assert (await family.exchange(family.first))[0] is Exchange.DONE


async def test_two_at_once_both_get_a_token(engine: AsyncEngine, tenant: str) -> None:
    family = await Family(engine, await new_user(engine, tenant)).open()
    outcomes = await asyncio.gather(*(family.exchange(family.first) for _ in range(5)))
    assert [outcome for outcome, _ in outcomes] == [Exchange.DONE] * 5


async def test_what_expired_is_forgotten(engine: AsyncEngine, tenant: str) -> None:
    user = await new_user(engine, tenant)
    expired = await Family(engine, user).open(timedelta(seconds=-1))
    family = await Family(engine, user).open()
    async with system_session(engine) as session:
        logins = await session.scalars(
            select(LoginRow.id).where(LoginRow.user_id == user.id)
        )
        assert list(logins) == [family.login]
        left = await session.scalars(
            select(RefreshTokenRow.id).where(RefreshTokenRow.login_id == expired.login)
        )
        assert list(left) == []
        await session.execute(
            update(RefreshTokenRow)
            .where(RefreshTokenRow.id == family.first)
            .values(expires_at=func.now() - timedelta(seconds=1))
        )
    # the proxy refuses it by its signature's end; exchanging another one sweeps it
    _, second = await family.exchange(family.first)
    async with system_session(engine) as session:
        tokens = await session.scalars(
            select(RefreshTokenRow.id).where(RefreshTokenRow.login_id == family.login)
        )
        assert list(tokens) == [second]


async def test_all_logins_of_a_user_end_but_one(
    engine: AsyncEngine, tenant: str
) -> None:
    user, colleague = [await new_user(engine, tenant) for _ in range(2)]
    families = [await Family(engine, user).open() for _ in range(3)]
    theirs = await Family(engine, colleague).open()
    async with get_session(engine, tenant) as session:
        await Logins(session, tenant).revoke_all(user.id, families[0].login)
    found = [await one.who() is not None for one in (*families, theirs)]
    assert found == [True, False, False, True]
