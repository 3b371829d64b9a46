"""What the repositories of one tenant's things have in common."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.postgres.engine import tenant_of


class Tenanted:
    """A repository of one tenant, inside the caller's transaction.

    Takes and returns core objects. Never commits: the unit of work is the caller's, and
    a tenant id given once here cannot be forgotten in a query below.
    """

    def __init__(self, session: AsyncSession, tenant_id: str) -> None:
        if not tenant_id:
            raise ValueError("a repository needs a tenant")
        if tenant_of(session) not in (None, tenant_id):
            raise ValueError("the session belongs to another tenant")
        self._session = session
        self.tenant_id = tenant_id
