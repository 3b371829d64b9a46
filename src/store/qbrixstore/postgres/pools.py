"""The pools of a tenant."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from sqlalchemy import delete
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from qbrixcore.errors import ArmNotFound
from qbrixcore.errors import Conflict
from qbrixcore.errors import NameTaken
from qbrixcore.errors import PoolInUse
from qbrixcore.errors import PoolNotFound
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres import changes
from qbrixstore.postgres import faults
from qbrixstore.postgres.records import PoolRecord
from qbrixstore.postgres.tables import NOW
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

    async def hold(self, pool_id: str) -> Pool:
        """The pool as it stays until the transaction ends. Raises PoolNotFound."""
        return to_core(await self._row(pool_id, lock=True))

    async def add_arms(self, pool_id: str, arms: Sequence[Arm]) -> PoolRecord:
        """Append arms, which have the indices that follow, to a pool that is held.

        Raises NameTaken and PoolNotFound.
        """
        row = await self._row(pool_id, lock=True)
        _check_names(row, [arm.name for arm in arms])
        rows = [_arm_values(arm, pool_id, self.tenant_id) for arm in arms]
        await self._session.execute(insert(ArmRow), rows)
        return await self._changed(pool_id)

    async def update_arm(
        self,
        pool_id: str,
        arm_id: str,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        is_active: bool | None = None,
    ) -> PoolRecord:
        """Change what is given of an arm.

        Raises PoolNotFound, ArmNotFound, NameTaken, and Conflict when no active arm
        would be left.
        """
        row = await self._row(pool_id, lock=True)
        arm = next((one for one in row.arms if one.id == arm_id), None)
        if arm is None:
            raise ArmNotFound(f"arm not found: {arm_id}")
        given = {"name": name, "described": metadata, "is_active": is_active}
        changed = {
            field: value
            for field, value in given.items()
            if value is not None and value != getattr(arm, field)
        }
        if not changed:
            return to_record(row)
        if "name" in changed:
            _check_names(row, [name or ""])
        if is_active is False and not _others_active(row, arm):
            raise Conflict("the last active arm of a pool cannot be deactivated")
        await self._session.execute(
            update(ArmRow)
            .where(ArmRow.tenant_id == self.tenant_id)
            .where(ArmRow.id == arm_id)
            .values(changed)
            .execution_options(synchronize_session=False)
        )
        return await self._changed(pool_id)

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

    async def _changed(self, pool_id: str) -> PoolRecord:
        """What follows from a change of arms."""
        await self._session.execute(
            update(PoolRow)
            .where(PoolRow.id == pool_id)
            .where(PoolRow.tenant_id == self.tenant_id)
            .values(updated_at=NOW)
            .execution_options(synchronize_session=False)
        )
        await changes.pool_changed(self._session, self.tenant_id, pool_id)
        return await self.get(pool_id)

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


def _check_names(row: PoolRow, names: Collection[str]) -> None:
    taken = sorted({arm.name for arm in row.arms}.intersection(names))
    if taken:
        raise NameTaken(f"an arm of the pool has this name: {taken[0]}")


def _others_active(row: PoolRow, arm: ArmRow) -> bool:
    return any(one.is_active for one in row.arms if one is not arm)


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
