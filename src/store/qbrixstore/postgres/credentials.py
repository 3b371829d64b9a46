"""Who somebody is, looked up before any tenant is known."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from datetime import datetime
from typing import TypeVarTuple

from sqlalchemy import ARRAY
from sqlalchemy import ColumnElement
from sqlalchemy import Select
from sqlalchemy import String
from sqlalchemy import and_
from sqlalchemy import any_
from sqlalchemy import bindparam
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from qbrixcore.errors import NotFound
from qbrixcore.errors import UserNotFound
from qbrixstore.postgres import keys
from qbrixstore.postgres import users
from qbrixstore.postgres.access import effective
from qbrixstore.postgres.account_tables import LoginRow
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import Account
from qbrixstore.postgres.records import KeyHolder
from qbrixstore.postgres.tables import MOMENT
from qbrixstore.postgres.tables import ApiKeyRow
from qbrixstore.postgres.tables import TenantRow
from qbrixstore.postgres.tables import UserRow

Ts = TypeVarTuple("Ts")


class Credentials:
    """Keys and accounts of all tenants, inside the caller's system session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def by_digest(self, digest: str) -> Principal | None:
        """Owner of the key with this SHA-256, None unless key and user are active."""
        return (await self.by_digests([digest])).get(digest)

    async def by_digests(self, digests: Collection[str]) -> dict[str, Principal]:
        """The same for many keys: those that work now, by digest."""
        if not digests:
            return {}
        # columns and not rows: thousands may be asked about at once
        found = await self._session.execute(
            _with_owner(
                select(
                    ApiKeyRow.digest,
                    ApiKeyRow.tenant_id,
                    ApiKeyRow.user_id,
                    ApiKeyRow.id,
                    ApiKeyRow.scopes,
                    ApiKeyRow.expires_at,
                    ApiKeyRow.rate_limit,
                    UserRow.role,
                    TenantRow.plan,
                )
            )
            .where(_among(ApiKeyRow.digest, digests))
            .where(keys.is_valid())
            .where(UserRow.is_active)
        )
        return {
            digest: Principal(
                tenant_id=tenant_id,
                user_id=user_id,
                key_id=key_id,
                role=role,
                scopes=effective(role, None if scopes is None else frozenset(scopes)),
                plan=plan,
                expires_at=expires_at,
                rate_limit=rate_limit,
            )
            for (
                digest,
                tenant_id,
                user_id,
                key_id,
                scopes,
                expires_at,
                rate_limit,
                role,
                plan,
            ) in found
        }

    async def by_logins(self, login_ids: Collection[str]) -> dict[str, Principal]:
        """Users of the logins that are not revoked, by login; inactive users are none.

        Whether an access token has expired is for its bearer's proxy to see.
        """
        if not login_ids:
            return {}
        found = await self._session.execute(
            select(
                LoginRow.id,
                UserRow.tenant_id,
                UserRow.id,
                UserRow.role,
                TenantRow.plan,
            )
            .join(
                UserRow,
                and_(
                    UserRow.tenant_id == LoginRow.tenant_id,
                    UserRow.id == LoginRow.user_id,
                ),
            )
            .join(TenantRow, TenantRow.id == UserRow.tenant_id)
            .where(_among(LoginRow.id, login_ids))
            .where(LoginRow.revoked_at.is_(None))
            .where(UserRow.is_active)
        )
        return {
            login_id: Principal(
                tenant_id=tenant_id,
                user_id=user_id,
                key_id="",
                role=role,
                scopes=effective(role, None),
                plan=plan,
            )
            for login_id, tenant_id, user_id, role, plan in found
        }

    async def by_email(self, email: str) -> Account | None:
        """The account with this address, active or not."""
        return await self._account(_users().where(UserRow.email == users.normal(email)))

    async def account(self, user_id: str) -> Account:
        """The account of a user of any tenant, active or not. Raises UserNotFound."""
        account = await self._account(_users().where(UserRow.id == user_id))
        if account is None:
            raise UserNotFound(f"user not found: {user_id}")
        return account

    async def key(self, key_id: str) -> KeyHolder:
        """A key of any tenant, revoked or not. Raises NotFound."""
        works = and_(keys.is_valid(), UserRow.is_active)
        found = await self._session.execute(
            _with_owner(select(ApiKeyRow, UserRow.role, TenantRow.plan, works)).where(
                ApiKeyRow.id == key_id
            )
        )
        row = found.one_or_none()
        if row is None:
            raise NotFound(f"api key not found: {key_id}")
        key, role, plan, works_now = row
        return KeyHolder(key=keys.to_record(key), works=works_now, role=role, plan=plan)

    async def mark_used(self, used: Mapping[str, datetime]) -> None:
        """Note when keys were last used: from time to time, for many, by key id."""
        if not used:
            return
        ids = sorted(used)
        moments = func.unnest(
            bindparam("ids", ids, ARRAY(String)),
            bindparam("at", [used[id_] for id_ in ids], ARRAY(MOMENT)),
        )
        at = moments.table_valued("id", "moment", name="used").render_derived()
        await self._session.execute(
            update(ApiKeyRow)
            .where(ApiKeyRow.id == at.c.id)
            .values(last_used_at=func.greatest(ApiKeyRow.last_used_at, at.c.moment))
            .execution_options(synchronize_session=False)
        )

    async def _account(self, query: Select[UserRow, str]) -> Account | None:
        row = (await self._session.execute(query)).one_or_none()
        if row is None:
            return None
        user, plan = row
        return Account(
            user=users.to_record(user), plan=plan, password_hash=user.password_hash
        )


def _users() -> Select[UserRow, str]:
    return select(UserRow, TenantRow.plan).join(
        TenantRow, TenantRow.id == UserRow.tenant_id
    )


def _with_owner(keys_: Select[*Ts]) -> Select[*Ts]:
    return keys_.join(
        UserRow,
        and_(
            UserRow.tenant_id == ApiKeyRow.tenant_id,
            UserRow.id == ApiKeyRow.user_id,
        ),
    ).join(TenantRow, TenantRow.id == ApiKeyRow.tenant_id)


def _among(
    column: InstrumentedAttribute[str], values: Collection[str]
) -> ColumnElement[bool]:
    """One parameter for all values, however many they are."""
    return column == any_(bindparam(None, list(values), ARRAY(String)))
