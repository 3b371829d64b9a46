"""Operators: who runs the system, beside the tenants that use it."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixcore.errors import NotFound
from qbrixstore.postgres.access import OPERATOR
from qbrixstore.postgres.audit import Audit
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.records import ApiKey
from qbrixstore.postgres.tables import UserRow
from qbrixstore.postgres.tenants import Tenants

TENANT: Final = "operators"
_NO_PASSWORD: Final = "!"


class Operators:
    """Each is the one user of a tenant of its own, with keys and without a password.

    Inside the caller's system session.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, digest: str, name: str) -> ApiKey:
        """Store a new operator with the key of this SHA-256."""
        tenant = await Tenants(self._session).add(TENANT)
        user = UserRow(
            id=uuid4().hex,
            tenant_id=tenant.id,
            email=f"operator-{uuid4().hex}@qbrix.internal",
            password_hash=_NO_PASSWORD,
            role=OPERATOR,
        )
        self._session.add(user)
        await self._session.flush()
        key = await ApiKeys(self._session, tenant.id).add(user.id, name, digest)
        audit = Audit(self._session, tenant.id)
        await audit.note(None, "operator.create", user.id, {"name": name})
        return key

    async def keys(self) -> list[ApiKey]:
        """The keys of all operators, revoked ones included."""
        return [key for _, key in await self._keys()]

    async def revoke(self, key_id: str) -> None:
        """Make an operator's key worthless, for good. Raises NotFound."""
        for tenant, key in await self._keys():
            if key.id == key_id:
                await ApiKeys(self._session, tenant).revoke(key_id)
                audit = Audit(self._session, tenant)
                await audit.note(None, "key.revoke", key_id, {})
                return
        raise NotFound(f"no operator has the api key {key_id}")

    async def _keys(self) -> list[tuple[str, ApiKey]]:
        found = await self._session.execute(
            select(UserRow.tenant_id, UserRow.id)
            .where(UserRow.role == OPERATOR)
            .order_by(UserRow.created_at, UserRow.id)
        )
        return [
            (tenant, key)
            for tenant, user in found.all()
            for key in await ApiKeys(self._session, tenant).of_user(user)
        ]
