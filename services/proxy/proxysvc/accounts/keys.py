"""API keys: made, listed, renamed, rotated and revoked, whichever wire asks."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from datetime import UTC
from datetime import datetime
from typing import Final
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession

from proxysvc import scopes
from proxysvc.accounts.herald import Herald
from proxysvc.accounts.plans import Plans
from proxysvc.accounts.usage import UsageMeter
from proxysvc.audit import note
from proxysvc.auth import PREFIX
from proxysvc.inputs import check_id
from proxysvc.inputs import check_name
from proxysvc.inputs import is_id
from qbrixcore.errors import ApiKeyLimitReached
from qbrixcore.errors import Conflict
from qbrixcore.errors import InsufficientScopes
from qbrixcore.errors import Invalid
from qbrixcore.errors import NotFound
from qbrixcore.errors import UserNotFound
from qbrixstore.postgres import get_session
from qbrixstore.postgres.access import SCOPES
from qbrixstore.postgres.access import effective
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import ApiKey
from qbrixstore.postgres.tenants import hold_tenant
from qbrixstore.postgres.users import Users

KEY_BYTES: Final = 32


class ShownKey(NamedTuple):
    """A key as its owner sees it: what it may do now, and how often a minute."""

    key: ApiKey
    scopes: list[str]
    rate: int


class NewKey(NamedTuple):
    """A key and its plain text, which nobody can show again."""

    shown: ShownKey
    plain: str


class KeyService:
    """Every method raises Unavailable beside what it names.

    Callers reach their own keys. With ``anyone`` they reach those of all users of their
    tenant, which needs a scope about users. Nobody makes or takes over a key that may
    do more than they may.
    """

    def __init__(
        self, engine: AsyncEngine, plans: Plans, herald: Herald, meter: UsageMeter
    ) -> None:
        self._engine = engine
        self._plans = plans
        self._herald = herald
        self._meter = meter

    async def create(
        self,
        caller: Principal,
        name: str,
        wanted: Collection[str] | None = None,
        expires_at: datetime | None = None,
        user_id: str | None = None,
        rate_limit: int | None = None,
    ) -> NewKey:
        """A new key of the caller, or of the user; without scopes it gets the role's.

        ``rate_limit`` are calls a minute, within what the plan and the caller may make.

        Raises Invalid, InsufficientScopes, UserNotFound, Conflict, ApiKeyLimitReached.
        """
        check_name("a key", name)
        _check(wanted, expires_at)
        plain, digest = _new_secret()
        tenant = caller.tenant_id
        rate_limit = least(rate_limit, caller.rate_limit) or None
        async with get_session(self._engine, tenant) as session:
            owner_id, role = await self._owner(session, caller, user_id)
            granted = _granted(caller, role, wanted)
            await self._check_room(session, caller)
            key = await ApiKeys(session, tenant).add(
                owner_id, name, digest, granted, expires_at, rate_limit
            )
            shown = self._show(caller, key, role)
            made = {
                "name": name,
                "user_id": owner_id,
                "scopes": shown.scopes,
                "expires_at": expires_at.isoformat() if expires_at else None,
                "rate_limit": rate_limit,
            }
            await note(session, caller, "key.create", key.id, made)
        return NewKey(shown, plain)

    async def of_user(
        self, caller: Principal, user_id: str | None = None
    ) -> list[ShownKey]:
        """The keys of the caller or the user, the newest first, revoked ones included.

        Raises UserNotFound.
        """
        async with get_session(self._engine, caller.tenant_id) as session:
            owner_id, role = await self._owner(session, caller, user_id, reading=True)
            found = await ApiKeys(session, caller.tenant_id).of_user(owner_id)
        return [self._show(caller, key, role) for key in found]

    async def get(
        self, caller: Principal, key_id: str, anyone: bool = False
    ) -> ShownKey:
        """Raises NotFound."""
        async with get_session(self._engine, caller.tenant_id) as session:
            return await self._reach(session, caller, key_id, anyone, reading=True)

    async def rename(self, caller: Principal, key_id: str, name: str) -> ShownKey:
        """Raises NotFound, Invalid, InsufficientScopes."""
        check_name("a key", name)
        async with get_session(self._engine, caller.tenant_id) as session:
            before = await self._reach(session, caller, key_id)
            key = await ApiKeys(session, caller.tenant_id).rename(key_id, name)
            await note(session, caller, "key.update", key_id, {"name": name})
        return before._replace(key=key)

    async def rotate(self, caller: Principal, key_id: str) -> NewKey:
        """Another secret for the same key; the former one ends within a second.

        Raises NotFound, InsufficientScopes, and Conflict for a key that ended.
        """
        plain, digest = _new_secret()
        async with get_session(self._engine, caller.tenant_id) as session:
            before = await self._reach(session, caller, key_id)
            key = await ApiKeys(session, caller.tenant_id).rotate(key_id, digest)
            await note(session, caller, "key.rotate", key_id)
        await self._herald.tell(caller.tenant_id, key.user_id)
        return NewKey(before._replace(key=key), plain)

    async def revoke(
        self, caller: Principal, key_id: str, anyone: bool = False, owner_id: str = ""
    ) -> None:
        """End a key, within a second; one that ended stays so.

        With ``owner_id`` it is of that user. Raises NotFound, InsufficientScopes.
        """
        async with get_session(self._engine, caller.tenant_id) as session:
            before = await self._reach(session, caller, key_id, anyone)
            if owner_id and before.key.user_id != owner_id:
                raise _not_found(key_id)
            key = await ApiKeys(session, caller.tenant_id).revoke(key_id)
            await note(session, caller, "key.revoke", key_id)
        await self._herald.tell(caller.tenant_id, key.user_id)

    async def usage(
        self, caller: Principal, key_id: str, anyone: bool = False
    ) -> tuple[int, int]:
        """Calls with a key in this minute, and how many are allowed, 0 for any.

        Raises NotFound.
        """
        shown = await self.get(caller, key_id, anyone)
        return await self._meter.this_minute(key_id), shown.rate

    async def _owner(
        self,
        session: AsyncSession,
        caller: Principal,
        user_id: str | None,
        reading: bool = False,
    ) -> tuple[str, str]:
        """Whose keys are meant, and their role."""
        if user_id is None:
            return caller.user_id, caller.role
        scopes.require(caller, scopes.USER_READ if reading else scopes.USER_WRITE)
        check_id(user_id, UserNotFound)
        user = await Users(session, caller.tenant_id).get(user_id)
        if not reading and not user.is_active:
            raise Conflict("the user is not active")
        return user.id, user.role

    async def _reach(
        self,
        session: AsyncSession,
        caller: Principal,
        key_id: str,
        anyone: bool = False,
        reading: bool = False,
    ) -> ShownKey:
        if anyone:
            scopes.require(caller, scopes.USER_READ if reading else scopes.USER_WRITE)
        if not is_id(key_id):
            raise _not_found(key_id)
        key = await ApiKeys(session, caller.tenant_id).get(key_id)
        role = caller.role
        if key.user_id != caller.user_id:
            if not anyone:
                raise _not_found(key_id)
            role = (await Users(session, caller.tenant_id).get(key.user_id)).role
        if not reading:
            scopes.require_all(caller, effective(role, key.scopes))
        return self._show(caller, key, role)

    async def _check_room(self, session: AsyncSession, caller: Principal) -> None:
        most = self._plans.of(caller.plan).api_keys
        if not most:
            return
        # two at once must not both see room for the last one
        await hold_tenant(session, caller.tenant_id)
        if await ApiKeys(session, caller.tenant_id).count_active() >= most:
            raise ApiKeyLimitReached(
                f"the plan {caller.plan} allows {most} active API keys", limit=most
            )

    def _show(self, caller: Principal, key: ApiKey, role: str) -> ShownKey:
        allowed = self._plans.of(caller.plan).requests_per_minute
        rate = least(key.rate_limit, allowed)
        return ShownKey(key, sorted(effective(role, key.scopes)), rate)


def least(*rates: int | None) -> int:
    """The lowest of some limits, of which 0 and None are none."""
    return min((rate for rate in rates if rate), default=0)


def _new_secret() -> tuple[str, str]:
    """A key of the prefix and 43 url-safe characters, and its SHA-256."""
    plain = PREFIX.decode() + secrets.token_urlsafe(KEY_BYTES)
    return plain, hashlib.sha256(plain.encode()).hexdigest()


def _granted(
    caller: Principal, role: str, wanted: Collection[str] | None
) -> frozenset[str] | None:
    """The scopes to store, None to follow the owner's role.

    Raises InsufficientScopes.
    """
    role_has = effective(role, None)
    if wanted is not None:
        asked = frozenset(wanted)
        scopes.require_all(caller, asked)
        if asked - role_has:
            raise InsufficientScopes("the role of the key's owner lacks these scopes")
        return asked
    if role_has <= caller.scopes:
        return None
    return role_has & caller.scopes


def _check(wanted: Collection[str] | None, expires_at: datetime | None) -> None:
    """Raises Invalid."""
    unknown = frozenset(wanted or ()) - SCOPES
    if unknown:
        raise Invalid(f"unknown scopes: {', '.join(sorted(unknown))[:200]}")
    if wanted is not None and not wanted:
        raise Invalid("a key without any scope could do nothing")
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise Invalid("expires_at is in the past")


def _not_found(key_id: str) -> NotFound:
    return NotFound(f"api key not found: {key_id[:64]}")
