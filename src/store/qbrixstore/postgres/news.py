"""News about credentials, noted in the transaction that changes what they mean.

Level-triggered like the outbox: whoever is told reads the credentials as they are now,
so news may be told twice or late.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.postgres.account_tables import CredentialNewsRow
from qbrixstore.postgres.records import CredentialNews


async def credentials_changed(
    session: AsyncSession, tenant_id: str, user_id: str | None = None
) -> None:
    """Keys and logins of a user, or of all of a tenant, have to be looked up again."""
    await session.execute(
        insert(CredentialNewsRow).values(tenant_id=tenant_id, user_id=user_id)
    )


class NewsOfCredentials:
    """The news of all tenants, inside the caller's system session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, limit: int = 100) -> list[CredentialNews]:
        """The oldest news nobody else is telling, held until the transaction ends."""
        rows = await self._session.scalars(
            select(CredentialNewsRow)
            .order_by(CredentialNewsRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [
            CredentialNews(id=row.id, tenant_id=row.tenant_id, user_id=row.user_id)
            for row in rows
        ]

    async def done(self, ids: Collection[int]) -> None:
        """Drop news that everybody can hear."""
        if ids:
            await self._session.execute(
                delete(CredentialNewsRow)
                .where(CredentialNewsRow.id.in_(ids))
                .execution_options(synchronize_session=False)
            )
