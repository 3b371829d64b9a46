"""REST: the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from typing import Any

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from proxysvc.audit import AuditService
from proxysvc.http.paging import Limit
from proxysvc.http.paging import Offset
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import AuditEntry

Subject = Annotated[
    str | None, QueryParameter(description="only changes of the thing with this id")
]


class AuditReply(msgspec.Struct):
    """A change: by whom and with which key, null where that was the system itself."""

    id: str
    created_at: datetime
    user_id: str | None
    key_id: str | None
    action: str
    subject_id: str
    changes: Mapping[str, Any]
    request_id: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> AuditReply:
        """From what the store returned."""
        return cls(
            id=str(entry.id),
            created_at=entry.created_at,
            user_id=entry.user_id,
            key_id=entry.key_id,
            action=entry.action,
            subject_id=entry.subject_id,
            changes=entry.changes,
            request_id=entry.request_id,
        )


class AuditPage(msgspec.Struct):
    """Some changes, and the page asked for."""

    entries: list[AuditReply]
    limit: int
    offset: int


@get("/audit", tags=("audit",))
async def get_audit(
    audit: NamedDependency[AuditService],
    principal: NamedDependency[Principal],
    limit: Limit = 100,
    offset: Offset = 0,
    subject_id: Subject = None,
) -> AuditPage:
    """List what was changed, by whom and with which key; for admins."""
    entries = await audit.page(principal, limit, offset, subject_id)
    return AuditPage([AuditReply.of(entry) for entry in entries], limit, offset)
