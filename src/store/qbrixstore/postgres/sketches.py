"""How many contexts experiments were selected for: sketches that survive Redis."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Mapping
from typing import Final

from sqlalchemy import select
from sqlalchemy import tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.cells import Key
from qbrixstore.postgres.insight_tables import ExperimentContextsRow

_ROW: Final = ExperimentContextsRow
_INSERT: Final = insert(_ROW.__table__)  # type: ignore[arg-type]
_UPSERT: Final = _INSERT.on_conflict_do_update(
    index_elements=["tenant_id", "experiment_id"],
    set_={"sketch": _INSERT.excluded.sketch},
)


class Sketches:
    """HyperLogLogs of all tenants, as Redis writes them, inside a caller's session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, pairs: Collection[Key]) -> dict[Key, bytes]:
        """Sketches of those experiments that have one."""
        key = tuple_(_ROW.tenant_id, _ROW.experiment_id)
        rows = await self._session.execute(
            select(_ROW.tenant_id, _ROW.experiment_id, _ROW.sketch).where(
                key.in_(pairs)
            )
        )
        return {(tenant, experiment): sketch for tenant, experiment, sketch in rows}

    async def put(self, sketches: Mapping[Key, bytes]) -> None:
        """Replace sketches of experiments that exist."""
        if sketches:
            rows = [
                {"tenant_id": key[0], "experiment_id": key[1], "sketch": sketch}
                for key, sketch in sorted(sketches.items())
            ]
            await self._session.execute(_UPSERT, rows)
