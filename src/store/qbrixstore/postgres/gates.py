"""The feature gates of a tenant's experiments."""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import delete
from sqlalchemy import func
from sqlalchemy import insert
from sqlalchemy import select
from sqlalchemy import tuple_
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixcore.errors import GateExists
from qbrixcore.errors import GateNotFound
from qbrixcore.gate import Gate
from qbrixstore.postgres import changes
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.records import ExperimentRecord
from qbrixstore.postgres.tables import ExperimentRow
from qbrixstore.postgres.tables import GateRow
from qbrixstore.postgres.tenanted import Tenanted


class Gates(Tenanted):
    """Every change of a gate is a change of its experiment.

    Whoever changes one holds the experiment first, so that changes do not overlap.
    Every method raises ExperimentNotFound.
    """

    async def get(self, experiment_id: str) -> ExperimentRecord:
        """The experiment with its gate. Raises GateNotFound."""
        experiments = Experiments(self._session, self.tenant_id)
        return _gated(await experiments.get(experiment_id))

    async def hold(self, experiment_id: str) -> ExperimentRecord:
        """The same, as it stays until the transaction ends. Raises GateNotFound."""
        return _gated(await self.hold_experiment(experiment_id))

    async def hold_experiment(self, experiment_id: str) -> ExperimentRecord:
        """The experiment, with or without a gate, until the transaction ends."""
        await self._session.execute(
            select(ExperimentRow.id)
            .where(ExperimentRow.tenant_id == self.tenant_id)
            .where(ExperimentRow.id == experiment_id)
            .with_for_update()
        )
        experiments = Experiments(self._session, self.tenant_id)
        return await experiments.get(experiment_id)

    async def add(self, experiment_id: str, gate: Gate) -> ExperimentRecord:
        """Give a gate to an experiment that has none. Raises GateExists."""
        if (await self.hold_experiment(experiment_id)).gate is not None:
            raise GateExists
        row = {"tenant_id": self.tenant_id, "experiment_id": experiment_id}
        await self._session.execute(
            insert(GateRow).values(**row, version=1, **_values(gate))
        )
        return await self._changed(experiment_id)

    async def replace(self, experiment_id: str, gate: Gate) -> ExperimentRecord:
        """Put a gate in the place of the one there is. Raises GateNotFound."""
        await self.hold(experiment_id)
        await self._session.execute(
            update(GateRow)
            .where(GateRow.tenant_id == self.tenant_id)
            .where(GateRow.experiment_id == experiment_id)
            .values(version=GateRow.version + 1, **_values(gate))
            .execution_options(synchronize_session=False)
        )
        return await self._changed(experiment_id)

    async def remove(self, experiment_id: str) -> ExperimentRecord:
        """The experiment without its gate. Raises GateNotFound."""
        await self.hold(experiment_id)
        await self._session.execute(
            delete(GateRow)
            .where(GateRow.tenant_id == self.tenant_id)
            .where(GateRow.experiment_id == experiment_id)
            .execution_options(synchronize_session=False)
        )
        return await self._changed(experiment_id)

    async def _changed(self, experiment_id: str) -> ExperimentRecord:
        version = await self._session.scalar(
            update(ExperimentRow)
            .where(ExperimentRow.tenant_id == self.tenant_id)
            .where(ExperimentRow.id == experiment_id)
            .values(
                version=ExperimentRow.version + 1, updated_at=func.clock_timestamp()
            )
            .returning(ExperimentRow.version)
            .execution_options(synchronize_session=False)
        )
        await changes.experiment_changed(
            self._session, self.tenant_id, experiment_id, version or 0
        )
        experiments = Experiments(self._session, self.tenant_id)
        return await experiments.get(experiment_id)


class EveryGate:
    """The gates of all tenants, inside the caller's system session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def after(
        self, last: tuple[str, str] | None = None, limit: int = 100
    ) -> list[tuple[str, str]]:
        """Tenant and experiment of the gates that follow one, in a fixed order."""
        query = select(GateRow.tenant_id, GateRow.experiment_id)
        if last is not None:
            query = query.where(tuple_(GateRow.tenant_id, GateRow.experiment_id) > last)
        rows = await self._session.execute(
            query.order_by(GateRow.tenant_id, GateRow.experiment_id).limit(limit)
        )
        return [(tenant, experiment) for tenant, experiment in rows]


def _gated(record: ExperimentRecord) -> ExperimentRecord:
    if record.gate is None:
        raise GateNotFound("the experiment has no feature gate")
    return record


def _values(gate: Gate) -> dict[str, Any]:
    values = msgspec.structs.asdict(gate)
    return {**values, "rules": msgspec.to_builtins(gate.rules)}
