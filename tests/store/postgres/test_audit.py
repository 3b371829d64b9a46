"""The audit log and the news about credentials, in the transaction of a change."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.store.postgres.test_people import a_digest
from tests.store.postgres.test_people import new_key
from tests.store.postgres.test_people import new_user

from qbrixcore.errors import Conflict
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.audit import Audit
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.news import NewsOfCredentials
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.postgres.users import Users


def actor(tenant: str, key: str = "") -> Principal:
    return Principal(
        tenant_id=tenant,
        user_id=uuid4().hex,
        key_id=key,
        role="admin",
        scopes=frozenset(),
        plan="free",
    )


async def test_entries_come_back_the_newest_first(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    person, key = actor(tenant), uuid4().hex
    machine = actor(tenant, key)
    subjects = [uuid4().hex for _ in range(3)]
    async with get_session(engine, tenant) as session:
        audit = Audit(session, tenant)
        await audit.note(person, "a.create", subjects[0], {"name": "x", "n": [1, None]})
        await audit.note(machine, "b.create", subjects[1], {}, "call-1")
        await audit.note(None, "c.create", subjects[2], {})
    async with get_session(engine, tenant) as session:
        found = await Audit(session, tenant).page()
        assert [entry.subject_id for entry in found] == subjects[::-1]
        assert [entry.user_id for entry in found] == [
            None,
            machine.user_id,
            person.user_id,
        ]
        assert [entry.key_id for entry in found] == [None, key, None]
        assert found[2].changes == {"name": "x", "n": [1, None]}
        assert found[1].request_id == "call-1"
        some = await Audit(session, tenant).page(limit=1, offset=1)
        assert some == [found[1]]
        assert await Audit(session, tenant).page(subject_id=subjects[0]) == [found[2]]
    async with get_session(engine, other) as session:
        assert await Audit(session, other).page() == []
        assert await Audit(session, other).page(subject_id=subjects[0]) == []


async def test_an_entry_goes_with_its_change(engine: AsyncEngine, tenant: str) -> None:
    with pytest.raises(RuntimeError):
        async with get_session(engine, tenant) as session:
            await Audit(session, tenant).note(actor(tenant), "a.create", "s", {})
            raise RuntimeError
    async with get_session(engine, tenant) as session:
        assert await Audit(session, tenant).page() == []


async def news(engine: AsyncEngine, tenant: str) -> list[str | None]:
    """Take what there is to tell of a tenant."""
    async with system_session(engine) as session:
        told = NewsOfCredentials(session)
        found = [one for one in await told.claim() if one.tenant_id == tenant]
        await told.done([one.id for one in found])
    return [one.user_id for one in found]


async def test_what_changes_a_credential_is_news(
    engine: AsyncEngine, tenant: str
) -> None:
    user = await new_user(engine, tenant)
    key = await new_key(engine, user, a_digest())
    assert await news(engine, tenant) == []
    async with get_session(engine, tenant) as session:
        await ApiKeys(session, tenant).rename(key.id, "another")
        await Users(session, tenant).update(user.id, role=user.role)
    assert await news(engine, tenant) == []
    async with get_session(engine, tenant) as session:
        await ApiKeys(session, tenant).rotate(key.id, a_digest())
    async with get_session(engine, tenant) as session:
        await ApiKeys(session, tenant).revoke(key.id)
    async with get_session(engine, tenant) as session:
        await ApiKeys(session, tenant).revoke(key.id)
        await Users(session, tenant).update(user.id, role="viewer")
    assert await news(engine, tenant) == [user.id] * 3
    async with system_session(engine) as session:
        await Tenants(session).set_plan(tenant, "pro")
    assert await news(engine, tenant) == [None]
    async with system_session(engine) as session:
        await Tenants(session).set_plan(tenant, "pro")
    assert await news(engine, tenant) == []


async def test_news_are_claimed_by_one(engine: AsyncEngine, tenant: str) -> None:
    async with system_session(engine) as session:
        await Tenants(session).set_plan(tenant, "free")
    async with system_session(engine) as first, system_session(engine) as second:
        held = await NewsOfCredentials(first).claim()
        assert tenant in {one.tenant_id for one in held}
        assert await NewsOfCredentials(second).claim() == []


async def test_two_admins_cannot_demote_each_other(
    engine: AsyncEngine, tenant: str
) -> None:
    admins = [await new_user(engine, tenant, "admin") for _ in range(2)]

    async def demote(user_id: str) -> None:
        async with get_session(engine, tenant) as session:
            await Users(session, tenant).update(user_id, role="viewer")

    outcomes = await asyncio.gather(
        *(demote(admin.id) for admin in admins), return_exceptions=True
    )
    assert sorted(type(outcome) for outcome in outcomes if outcome) == [Conflict]
    async with get_session(engine, tenant) as session:
        roles = sorted(user.role for user in await Users(session, tenant).page())
    assert roles == ["admin", "viewer"]
