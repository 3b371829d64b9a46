"""Operators: who runs the system, beside the tenants that use it."""

from __future__ import annotations

from typing import Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.postgres.access import OPERATOR
from qbrixstore.postgres.audit import Audit
from qbrixstore.postgres.keys import ApiKeys
from qbrixstore.postgres.records import ApiKey
from qbrixstore.postgres.tables import UserRow
from qbrixstore.postgres.tenants import Tenants

TENANT: Final = "operators"
_NO_PASSWORD: Final = "!"


class Operators:
    """Each is a user of a tenant of its own, with a key and without a password."""

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
