"""The audit log: noted with each change, read by admins."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession

from proxysvc import scopes
from proxysvc.inputs import check_page
from proxysvc.inputs import is_id
from qbrixlog import request_id
from qbrixstore.postgres import get_session
from qbrixstore.postgres.audit import Audit
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import AuditEntry

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


async def note(
    session: AsyncSession,
    actor: Principal,
    action: str,
    subject_id: str,
    changes: Mapping[str, object] = _NOTHING,
    tenant_id: str = "",
) -> None:
    """Write a change into the log of its tenant, in the transaction that makes it.

    ``action`` is a kind of thing and what was done, as in ``pool.create``; ``changes``
    are JSON without secrets. The tenant is the actor's unless another one is given.
    """
    audit = Audit(session, tenant_id or actor.tenant_id)
    await audit.note(actor, action, subject_id, changes, request_id() or None)


class AuditService:
    """The log of the caller's tenant."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def page(
        self, caller: Principal, limit: int, offset: int, subject_id: str | None = None
    ) -> list[AuditEntry]:
        """Entries, the newest first; those of one subject if it is given.

        Raises InsufficientScopes, Invalid, Unavailable.
        """
        scopes.require(caller, scopes.AUDIT_READ)
        check_page(limit, offset)
        if subject_id is not None and not is_id(subject_id):
            return []
        async with get_session(self._engine, caller.tenant_id) as session:
            audit = Audit(session, caller.tenant_id)
            return await audit.page(limit, offset, subject_id)
