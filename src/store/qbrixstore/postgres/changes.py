"""Notes, in the transaction of a change, that Redis has to learn of it."""

from __future__ import annotations

from sqlalchemy import insert
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.postgres.tables import ExperimentRow
from qbrixstore.postgres.tables import OutboxRow


async def experiment_changed(
    session: AsyncSession, tenant_id: str, experiment_id: str, version: int
) -> None:
    """One experiment has a new version, or is gone as of it."""
    await _note(session, tenant_id, [(experiment_id, version)])


async def pool_changed(session: AsyncSession, tenant_id: str, pool_id: str) -> None:
    """Every experiment of a pool gets a new version. The caller holds the pool."""
    raised = await session.execute(
        update(ExperimentRow)
        .where(ExperimentRow.tenant_id == tenant_id)
        .where(ExperimentRow.pool_id == pool_id)
        .values(version=ExperimentRow.version + 1)
        .returning(ExperimentRow.id, ExperimentRow.version)
        .execution_options(synchronize_session=False)
    )
    await _note(session, tenant_id, [(row.id, row.version) for row in raised])


async def _note(
    session: AsyncSession, tenant_id: str, changed: list[tuple[str, int]]
) -> None:
    if changed:
        rows = [
            {"tenant_id": tenant_id, "experiment_id": id_, "version": version}
            for id_, version in changed
        ]
        await session.execute(insert(OutboxRow), rows)
