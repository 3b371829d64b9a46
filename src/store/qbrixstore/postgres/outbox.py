"""Changes of experiments on their way to Redis.

Level-triggered: a row says which experiment changed, not how. Whoever relays it reads
the experiment as it is now and brings Redis level, so a row may be relayed twice, late,
or together with a newer one, and the outcome is the same.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import delete
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixcore.definition import Definition
from qbrixcore.definition import make_definition
from qbrixcore.errors import ExperimentNotFound
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.records import OutboxEntry
from qbrixstore.postgres.tables import OutboxRow


class Outbox:
    """The changes of all tenants, inside the caller's system session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def claim(self, limit: int = 100, behind: int = 0) -> list[OutboxEntry]:
        """The oldest entries nobody else is at, held until the transaction ends.

        Only those behind the id ``behind``.
        """
        rows = await self._session.scalars(
            select(OutboxRow)
            .where(OutboxRow.id > behind)
            .order_by(OutboxRow.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return [
            OutboxEntry(
                id=row.id,
                tenant_id=row.tenant_id,
                experiment_id=row.experiment_id,
                version=row.version,
                created_at=row.created_at,
            )
            for row in rows
        ]

    async def current(self, tenant_id: str, experiment_id: str) -> Definition | None:
        """The definition as committed now, None if the experiment is gone.

        Raises InvalidParams if this build cannot read the experiment's policy.
        """
        try:
            record = await Experiments(self._session, tenant_id).get(experiment_id)
        except ExperimentNotFound:
            return None
        return make_definition(tenant_id, record.experiment, record.version)

    async def done(self, ids: Collection[int]) -> None:
        """Drop entries that Redis has."""
        if ids:
            await self._session.execute(
                delete(OutboxRow)
                .where(OutboxRow.id.in_(ids))
                .execution_options(synchronize_session=False)
            )
