"""The audit log of a tenant: who changed what, when, with which key."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import insert
from sqlalchemy import select

from qbrixstore.postgres.account_tables import AuditRow
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import AuditEntry
from qbrixstore.postgres.tenanted import Tenanted


class Audit(Tenanted):
    """Entries are only ever added, in the transaction of the change they tell of."""

    async def note(
        self,
        actor: Principal | None,
        action: str,
        subject_id: str,
        changes: Mapping[str, object],
        request_id: str | None = None,
    ) -> None:
        """Add an entry; without an actor the system itself made the change.

        ``changes`` must be JSON and hold no secret.
        """
        await self._session.execute(
            insert(AuditRow).values(
                tenant_id=self.tenant_id,
                user_id=actor.user_id if actor else None,
                key_id=(actor.key_id or None) if actor else None,
                action=action,
                subject_id=subject_id,
                changes=dict(changes),
                request_id=request_id,
            )
        )

    async def page(
        self, limit: int = 100, offset: int = 0, subject_id: str | None = None
    ) -> list[AuditEntry]:
        """Entries, the newest first; those of one subject if it is given."""
        query = select(AuditRow).where(AuditRow.tenant_id == self.tenant_id)
        if subject_id is not None:
            query = query.where(AuditRow.subject_id == subject_id)
        rows = await self._session.scalars(
            query.order_by(AuditRow.id.desc()).limit(limit).offset(offset)
        )
        return [_to_record(row) for row in rows]


def _to_record(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        id=row.id,
        created_at=row.created_at,
        user_id=row.user_id,
        key_id=row.key_id,
        action=row.action,
        subject_id=row.subject_id,
        changes=row.changes,
        request_id=row.request_id,
    )
