"""The pools of a tenant."""

from __future__ import annotations

from sqlalchemy import delete
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from qbrixcore.errors import NameTaken
from qbrixcore.errors import PoolInUse
from qbrixcore.errors import PoolNotFound
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres import changes
from qbrixstore.postgres import faults
from qbrixstore.postgres.records import PoolRecord
from qbrixstore.postgres.tables import ArmRow
from qbrixstore.postgres.tables import ExperimentRow
from qbrixstore.postgres.tables import PoolRow
from qbrixstore.postgres.tenanted import Tenanted


class Pools(Tenanted):
    """Every change of a pool is a change of each experiment that uses it."""

    async def add(self, pool: Pool) -> PoolRecord:
        """Store a new pool. Raises NameTaken."""
        self._session.add(PoolRow(id=pool.id, tenant_id=self.tenant_id, name=pool.name))
        await self._flush(pool.name)
        if pool.arms:
            rows = [_arm_values(arm, pool.id, self.tenant_id) for arm in pool.arms]
            await self._session.execute(insert(ArmRow), rows)
        return await self.get(pool.id)

    async def get(self, pool_id: str) -> PoolRecord:
        """Raises PoolNotFound."""
        return to_record(await self._row(pool_id))

    async def page(self, limit: int = 100, offset: int = 0) -> list[PoolRecord]:
        """Pools, the newest first."""
        rows = await self._session.scalars(
            select(PoolRow)
            .where(PoolRow.tenant_id == self.tenant_id)
            .order_by(PoolRow.created_at.desc(), PoolRow.id.desc())
            .limit(limit)
            .offset(offset)
            .options(selectinload(PoolRow.arms))
        )
        return [to_record(row) for row in rows]

    async def rename(self, pool_id: str, name: str) -> PoolRecord:
        """Raises PoolNotFound and NameTaken."""
        row = await self._row(pool_id, lock=True)
        if row.name != name:
            row.name = name
            await self._flush(name)
            await changes.pool_changed(self._session, self.tenant_id, pool_id)
        return to_record(row)

    async def remove(self, pool_id: str) -> None:
        """Remove a pool and its arms. Raises PoolNotFound and PoolInUse."""
        # the lock waits for experiments being made on this pool and holds off new ones
        await self._row(pool_id, lock=True)
        users = await self._session.scalars(
            select(ExperimentRow.id)
            .where(ExperimentRow.tenant_id == self.tenant_id)
            .where(ExperimentRow.pool_id == pool_id)
            .order_by(ExperimentRow.created_at.desc(), ExperimentRow.id.desc())
        )
        if experiments := list(users):
            raise PoolInUse(
                f"pool {pool_id} is used by {len(experiments)} experiments",
                experiments=experiments,
            )
        await self._session.execute(
            delete(PoolRow)
            .where(PoolRow.id == pool_id)
            .where(PoolRow.tenant_id == self.tenant_id)
        )

    async def _row(self, pool_id: str, lock: bool = False) -> PoolRow:
        one = (
            select(PoolRow)
            .where(PoolRow.id == pool_id)
            .where(PoolRow.tenant_id == self.tenant_id)
            .options(selectinload(PoolRow.arms))
            .execution_options(populate_existing=True)
        )
        row = await self._session.scalar(one.with_for_update() if lock else one)
        if row is None:
            raise PoolNotFound(f"pool not found: {pool_id}")
        return row

    async def _flush(self, name: str) -> None:
        try:
            await self._session.flush()
        except IntegrityError as error:
            if faults.violated(error) != "uq_pool_tenant_id_name":
                raise
            raise NameTaken(f"a pool has this name: {name}") from error


def to_record(row: PoolRow) -> PoolRecord:
    return PoolRecord(
        pool=to_core(row), created_at=row.created_at, updated_at=row.updated_at
    )


def to_core(row: PoolRow) -> Pool:
    return Pool(
        id=row.id,
        name=row.name,
        arms=tuple(
            Arm(
                id=arm.id,
                name=arm.name,
                index=arm.index,
                is_active=arm.is_active,
                metadata=arm.described,
            )
            for arm in row.arms
        ),
    )


def _arm_values(arm: Arm, pool_id: str, tenant_id: str) -> dict[str, object]:
    return {
        "id": arm.id,
        "tenant_id": tenant_id,
        "pool_id": pool_id,
        "index": arm.index,
        "name": arm.name,
        "is_active": arm.is_active,
        "described": dict(arm.metadata),
    }
