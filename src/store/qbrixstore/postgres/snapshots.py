"""Params as they were, by version: for an emptied store, and for the way back."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import or_
from sqlalchemy import select
from sqlalchemy import tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.postgres.records import SnapshotRecord
from qbrixstore.postgres.tables import ExperimentRow
from qbrixstore.postgres.tables import ParamSnapshotRow

_KEY = (ParamSnapshotRow.tenant_id, ParamSnapshotRow.experiment_id)


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Encoded params of an experiment, and what their header says of them."""

    tenant: str
    experiment: str
    version: int
    generation: int
    updates: int
    learned_through_ms: int
    state: bytes


class Snapshots:
    """The snapshots of all tenants, inside the caller's session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def keep(self, snapshots: Sequence[Snapshot], last: int) -> int:
        """Store them, and of each experiment only the last so many from now on.

        Those of deleted experiments are left out, those that an experiment is on its
        way back to are kept. Returns how many experiments there still are.
        """
        pairs = [(one.tenant, one.experiment) for one in snapshots]
        key = tuple_(ExperimentRow.tenant_id, ExperimentRow.id)
        held = await self._session.execute(
            select(ExperimentRow.tenant_id, ExperimentRow.id)
            .where(key.in_(pairs))
            .with_for_update(read=True, key_share=True)
        )
        there = {(row.tenant_id, row.id) for row in held}
        rows = [
            {
                "tenant_id": one.tenant,
                "experiment_id": one.experiment,
                "version": one.version,
                "generation": one.generation,
                "updates": one.updates,
                "learned_through_ms": one.learned_through_ms,
                "state": one.state,
            }
            for one in snapshots
            if (one.tenant, one.experiment) in there
        ]
        if rows:
            statement = insert(ParamSnapshotRow).on_conflict_do_nothing()
            await self._session.execute(statement, rows)
            await self._prune(sorted(there), last)
        return len(there)

    async def _prune(self, pairs: Sequence[tuple[str, str]], last: int) -> None:
        place = func.row_number().over(
            partition_by=_KEY, order_by=ParamSnapshotRow.version.desc()
        )
        ranked = (
            select(*_KEY, ParamSnapshotRow.version, place.label("place"))
            .where(tuple_(*_KEY).in_(pairs))
            .subquery()
        )
        wanted = (
            select(ExperimentRow.id)
            .where(ExperimentRow.tenant_id == ranked.c.tenant_id)
            .where(ExperimentRow.id == ranked.c.experiment_id)
            .where(ExperimentRow.restored_version == ranked.c.version)
        )
        old = (
            select(ranked.c.tenant_id, ranked.c.experiment_id, ranked.c.version)
            .where(ranked.c.place > last)
            .where(~wanted.exists())
        )
        await self._session.execute(
            delete(ParamSnapshotRow)
            .where(tuple_(*_KEY, ParamSnapshotRow.version).in_(old))
            .execution_options(synchronize_session=False)
        )

    async def find(self, tenant: str, experiment: str, version: int) -> bytes | None:
        """The params at a version, None if it is not kept."""
        found: bytes | None = await self._session.scalar(
            select(ParamSnapshotRow.state)
            .where(ParamSnapshotRow.tenant_id == tenant)
            .where(ParamSnapshotRow.experiment_id == experiment)
            .where(ParamSnapshotRow.version == version)
        )
        return found

    async def for_rebuild(
        self, tenant: str, experiment: str, generation: int, restored: int | None
    ) -> tuple[bytes | None, int]:
        """What to begin with again, None for the prior; the highest version kept.

        That is the newest of the generation, or what the generation started from.
        """
        of_one = (
            select(ParamSnapshotRow)
            .where(ParamSnapshotRow.tenant_id == tenant)
            .where(ParamSnapshotRow.experiment_id == experiment)
        )
        rows = of_one.with_only_columns(
            ParamSnapshotRow.version, ParamSnapshotRow.state
        ).order_by(ParamSnapshotRow.version.desc())
        usable = or_(
            ParamSnapshotRow.generation == generation,
            ParamSnapshotRow.version == (-1 if restored is None else restored),
        )
        found = (await self._session.execute(rows.where(usable).limit(1))).first()
        highest = await self._session.scalar(
            of_one.with_only_columns(func.max(ParamSnapshotRow.version))
        )
        return (None if found is None else found.state), highest or 0

    async def listing(self, tenant: str, experiment: str) -> list[SnapshotRecord]:
        """The kept versions, the newest first."""
        rows = await self._session.execute(
            select(
                ParamSnapshotRow.version,
                ParamSnapshotRow.generation,
                ParamSnapshotRow.updates,
                ParamSnapshotRow.created_at,
            )
            .where(ParamSnapshotRow.tenant_id == tenant)
            .where(ParamSnapshotRow.experiment_id == experiment)
            .order_by(ParamSnapshotRow.version.desc())
        )
        return [
            SnapshotRecord(
                version=row.version,
                generation=row.generation,
                updates=row.updates,
                created_at=row.created_at,
            )
            for row in rows
        ]
