"""How many contexts experiments were selected for: sketches that survive Redis."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.cells import Key
from qbrixstore.postgres.insight_tables import ExperimentContextsRow


class Sketches:
    """HyperLogLogs of all tenants, as Redis writes them, inside a caller's session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, key: Key) -> bytes | None:
        """The sketch of an experiment, None without any."""
        tenant, experiment = key
        sketch: bytes | None = await self._session.scalar(
            select(ExperimentContextsRow.sketch)
            .where(ExperimentContextsRow.tenant_id == tenant)
            .where(ExperimentContextsRow.experiment_id == experiment)
        )
        return sketch

    async def put(self, key: Key, sketch: bytes) -> None:
        """Replace the sketch of an experiment that exists."""
        tenant, experiment = key
        statement = insert(ExperimentContextsRow).values(
            tenant_id=tenant, experiment_id=experiment, sketch=sketch
        )
        await self._session.execute(
            statement.on_conflict_do_update(
                index_elements=["tenant_id", "experiment_id"],
                set_={"sketch": statement.excluded.sketch},
            )
        )
