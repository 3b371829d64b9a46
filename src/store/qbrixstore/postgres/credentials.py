"""Who somebody is, looked up before any tenant is known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import ARRAY
from sqlalchemy import String
from sqlalchemy import and_
from sqlalchemy import bindparam
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.postgres import users
from qbrixstore.postgres.access import effective
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import Account
from qbrixstore.postgres.tables import MOMENT
from qbrixstore.postgres.tables import ApiKeyRow
from qbrixstore.postgres.tables import TenantRow
from qbrixstore.postgres.tables import UserRow


class Credentials:
    """Keys and accounts of all tenants, inside the caller's system session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def by_digest(self, digest: str) -> Principal | None:
        """Owner of the key with this SHA-256, None unless key and user are active."""
        found = await self._session.execute(
            select(ApiKeyRow, UserRow.role, TenantRow.plan)
            .join(
                UserRow,
                and_(
                    UserRow.tenant_id == ApiKeyRow.tenant_id,
                    UserRow.id == ApiKeyRow.user_id,
                ),
            )
            .join(TenantRow, TenantRow.id == ApiKeyRow.tenant_id)
            .where(ApiKeyRow.digest == digest)
            .where(ApiKeyRow.is_active)
            .where(UserRow.is_active)
        )
        row = found.one_or_none()
        if row is None:
            return None
        key, role, plan = row
        scopes = None if key.scopes is None else frozenset(key.scopes)
        return Principal(
            tenant_id=key.tenant_id,
            user_id=key.user_id,
            key_id=key.id,
            role=role,
            scopes=effective(role, scopes),
            plan=plan,
        )

    async def by_email(self, email: str) -> Account | None:
        """The account with this address, active or not."""
        found = await self._session.execute(
            select(UserRow, TenantRow.plan)
            .join(TenantRow, TenantRow.id == UserRow.tenant_id)
            .where(UserRow.email == users.normal(email))
        )
        row = found.one_or_none()
        if row is None:
            return None
        user, plan = row
        return Account(
            user=users.to_record(user), plan=plan, password_hash=user.password_hash
        )

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
