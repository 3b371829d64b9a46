"""Tenants, users, their keys, and who a key belongs to."""

from __future__ import annotations

import hashlib
from datetime import UTC
from datetime import datetime
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixcore.errors import Conflict
from qbrixcore.errors import Invalid
from qbrixcore.errors import NameTaken
from qbrixcore.errors import NotFound
from qbrixcore.errors import UserNotFound
from qbrixstore.postgres import get_session
from qbrixstore.postgres import system_session
from qbrixstore.postgres.access import ROLES
from qbrixstore.postgres.credentials import Credentials
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import ApiKey
from qbrixstore.postgres.records import User
from qbrixstore.postgres.tenants import Tenants
from qbrixstore.postgres.users import Users

HASH = "$argon2id$v=19$not-to-be-shown"


def an_email() -> str:
    return f"{uuid4().hex}@example.org"


def a_digest() -> str:
    return hashlib.sha256(uuid4().bytes).hexdigest()


async def new_user(engine: AsyncEngine, tenant: str, role: str = "member") -> User:
    async with get_session(engine, tenant) as session:
        return await Users(session, tenant).add(an_email(), HASH, role)


async def new_key(
    engine: AsyncEngine, user: User, digest: str, scopes: set[str] | None = None
) -> ApiKey:
    async with get_session(engine, user.tenant_id) as session:
        keys = ApiKeys(session, user.tenant_id)
        return await keys.add(user.id, "a key", digest, scopes)


async def who(engine: AsyncEngine, digest: str) -> Principal | None:
    async with system_session(engine) as session:
        return await Credentials(session).by_digest(digest)


async def test_tenant_has_a_plan(engine: AsyncEngine) -> None:
    async with system_session(engine) as session:
        tenants = Tenants(session)
        tenant = await tenants.add("acme")
        assert (tenant.name, tenant.plan) == ("acme", "self-hosted")
        assert (await tenants.set_plan(tenant.id, "pro")).plan == "pro"
        assert (await tenants.get(tenant.id)).plan == "pro"
        with pytest.raises(Invalid, match="gold"):
            await tenants.set_plan(tenant.id, "gold")
        with pytest.raises(NotFound):
            await tenants.get("nobody")


async def test_tenant_and_its_first_user_in_one_transaction(
    engine: AsyncEngine,
) -> None:
    email = an_email()
    async with system_session(engine) as session:
        tenant = await Tenants(session).add("acme")
        await Users(session, tenant.id).add(email, HASH, "admin")
    async with system_session(engine) as session:
        account = await Credentials(session).by_email(email)
    assert account is not None
    assert (account.user.tenant_id, account.user.role) == (tenant.id, "admin")
    assert (account.password_hash, account.plan) == (HASH, "self-hosted")
    assert HASH not in repr(account)


async def test_address_is_taken_once_everywhere(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    email = an_email()
    async with get_session(engine, tenant) as session:
        user = await Users(session, tenant).add(f" {email.upper()} ", HASH)
    assert user.email == email
    with pytest.raises(NameTaken, match="address"):
        async with get_session(engine, other) as session:
            await Users(session, other).add(email, HASH)
    async with system_session(engine) as session:
        account = await Credentials(session).by_email(email.title())
    assert account is not None
    assert account.user == user


async def test_users_of_a_tenant(engine: AsyncEngine, tenant: str, other: str) -> None:
    users = [await new_user(engine, tenant) for _ in range(3)]
    async with get_session(engine, tenant) as session:
        repository = Users(session, tenant)
        assert await repository.page() == users[::-1]
        assert await repository.page(limit=1, offset=1) == [users[1]]
        changed = await repository.update(users[0].id, role="viewer", is_active=False)
        assert await repository.get(users[0].id) == changed
        assert (changed.role, changed.is_active) == ("viewer", False)
        with pytest.raises(Invalid, match="emperor"):
            await repository.update(users[0].id, role="emperor")
    async with get_session(engine, other) as session:
        theirs = Users(session, other)
        assert await theirs.page() == []
        for call in (theirs.get(users[0].id), theirs.update(users[0].id, "admin")):
            with pytest.raises(UserNotFound):
                await call


@pytest.mark.parametrize("role", sorted(ROLES))
async def test_key_follows_the_role_of_its_owner(
    engine: AsyncEngine, tenant: str, role: str
) -> None:
    user, digest = await new_user(engine, tenant, role), a_digest()
    key = await new_key(engine, user, digest)
    assert await who(engine, digest) == Principal(
        tenant_id=tenant,
        user_id=user.id,
        key_id=key.id,
        role=role,
        scopes=ROLES[role],
        plan="self-hosted",
    )


async def test_key_never_grants_more_than_the_role(
    engine: AsyncEngine, tenant: str
) -> None:
    user, digest = await new_user(engine, tenant, "member"), a_digest()
    await new_key(engine, user, digest, {"pool:read", "pool:write", "system:admin"})
    before = await who(engine, digest)
    assert before is not None
    assert before.scopes == {"pool:read", "pool:write"}
    async with get_session(engine, tenant) as session:
        await Users(session, tenant).update(user.id, role="viewer")
    after = await who(engine, digest)
    assert after is not None
    assert after.scopes == {"pool:read"}


async def test_unknown_revoked_and_orphaned_keys_are_nobody(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    assert await who(engine, a_digest()) is None
    user, first, second = await new_user(engine, tenant), a_digest(), a_digest()
    key = await new_key(engine, user, first)
    await new_key(engine, user, second)
    with pytest.raises(NotFound):
        async with get_session(engine, other) as session:
            await ApiKeys(session, other).revoke(key.id)
    async with get_session(engine, tenant) as session:
        revoked = await ApiKeys(session, tenant).revoke(key.id)
        active = [k.is_active for k in await ApiKeys(session, tenant).of_user(user.id)]
    assert not revoked.is_active
    assert active == [True, False]
    assert await who(engine, first) is None
    assert await who(engine, second) is not None
    async with get_session(engine, tenant) as session:
        await Users(session, tenant).update(user.id, is_active=False)
    assert await who(engine, second) is None


async def test_a_key_ends_when_it_expires(engine: AsyncEngine, tenant: str) -> None:
    user = await new_user(engine, tenant)
    ended, lasting = a_digest(), a_digest()
    now = datetime.now(UTC)
    async with get_session(engine, tenant) as session:
        keys = ApiKeys(session, tenant)
        old = await keys.add(
            user.id, "old", ended, expires_at=now - timedelta(seconds=1)
        )
        await keys.add(user.id, "new", lasting, expires_at=now + timedelta(hours=1))
        assert await keys.count_active() == 1
    assert await who(engine, ended) is None
    found = await who(engine, lasting)
    assert found is not None
    assert found.expires_at == now + timedelta(hours=1)
    with pytest.raises(Conflict, match="expired"):
        async with get_session(engine, tenant) as session:
            await ApiKeys(session, tenant).rotate(old.id, a_digest())


async def test_key_needs_a_user_of_the_same_tenant(
    engine: AsyncEngine, tenant: str, other: str
) -> None:
    stranger = await new_user(engine, other)
    with pytest.raises(UserNotFound):
        async with get_session(engine, tenant) as session:
            await ApiKeys(session, tenant).add(stranger.id, "a key", a_digest())


async def test_last_use_only_grows(engine: AsyncEngine, tenant: str) -> None:
    user = await new_user(engine, tenant)
    first = await new_key(engine, user, a_digest())
    second = await new_key(engine, user, a_digest())
    assert first.last_used_at is None
    now = datetime.now(UTC)
    for moment in (now, now - timedelta(hours=1)):
        async with system_session(engine) as session:
            await Credentials(session).mark_used({first.id: moment, "gone": moment})
            await Credentials(session).mark_used({})
    async with get_session(engine, tenant) as session:
        keys = await ApiKeys(session, tenant).of_user(user.id)
    assert {key.id: key.last_used_at for key in keys} == {
        first.id: now,
        second.id: None,
    }


def test_roles_grow_and_none_is_the_operator() -> None:
    assert ROLES["viewer"] < ROLES["member"] < ROLES["admin"]
    assert all("system:admin" not in scopes for scopes in ROLES.values())
    assert "agent:read" in ROLES["viewer"]
    assert "agent:write" in ROLES["member"] - ROLES["viewer"]
