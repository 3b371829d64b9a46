"""Tenants: whose things are whose."""

from __future__ import annotations

from uuid import uuid4

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixcore.errors import NotFound
from qbrixstore.postgres.access import DEFAULT_PLAN
from qbrixstore.postgres.access import check_plan
from qbrixstore.postgres.news import credentials_changed
from qbrixstore.postgres.records import Tenant
from qbrixstore.postgres.tables import TenantRow


class Tenants:
    """All tenants, inside the caller's system session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, name: str, plan: str = DEFAULT_PLAN) -> Tenant:
        """Store a new tenant; names need not be unique. Raises Invalid."""
        check_plan(plan)
        row = TenantRow(id=uuid4().hex, name=name, plan=plan)
        self._session.add(row)
        await self._session.flush()
        return _to_record(row)

    async def get(self, tenant_id: str) -> Tenant:
        """Raises NotFound."""
        return _to_record(await self._row(tenant_id))

    async def set_plan(self, tenant_id: str, plan: str) -> Tenant:
        """Raises NotFound and Invalid."""
        check_plan(plan)
        row = await self._row(tenant_id)
        row.plan = plan
        if self._session.is_modified(row):
            await self._session.flush()
            await credentials_changed(self._session, tenant_id)
        return _to_record(row)

    async def _row(self, tenant_id: str) -> TenantRow:
        row = await self._session.scalar(
            select(TenantRow).where(TenantRow.id == tenant_id)
        )
        if row is None:
            raise NotFound(f"tenant not found: {tenant_id}")
        return row


async def hold_tenant(session: AsyncSession, tenant_id: str) -> None:
    """Let no other transaction hold the tenant until this one ends."""
    await session.execute(
        select(TenantRow.id)
        .where(TenantRow.id == tenant_id)
        .with_for_update(key_share=True)
    )


def _to_record(row: TenantRow) -> Tenant:
    return Tenant(id=row.id, name=row.name, plan=row.plan, created_at=row.created_at)
