"""The experiments of a tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Select
from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from qbrixcore.errors import Conflict
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import NameTaken
from qbrixcore.errors import PoolNotFound
from qbrixcore.experiment import Experiment
from qbrixcore.gate import Gate
from qbrixcore.gate import Rule
from qbrixcore.gate import as_dict
from qbrixstore.postgres import changes
from qbrixstore.postgres import faults
from qbrixstore.postgres import pools
from qbrixstore.postgres.records import ExperimentRecord
from qbrixstore.postgres.records import GateRecord
from qbrixstore.postgres.records import Window
from qbrixstore.postgres.tables import ExperimentRow
from qbrixstore.postgres.tables import GateRow
from qbrixstore.postgres.tables import PoolRow
from qbrixstore.postgres.tenanted import Tenanted


class Experiments(Tenanted):
    """Every change raises the version and leaves a row in the outbox."""

    async def add(self, experiment: Experiment) -> ExperimentRecord:
        """Store a new experiment, version 1, on its pool as the pool is now.

        Raises PoolNotFound and NameTaken.
        """
        # a change of the pool would not see this experiment before it is committed
        await self._hold_pool(experiment.pool.id)
        row = ExperimentRow(
            id=experiment.id,
            tenant_id=self.tenant_id,
            pool_id=experiment.pool.id,
            name=experiment.name,
            policy=experiment.policy,
            policy_params=dict(experiment.policy_params),
            enabled=experiment.enabled,
            reward_window_sec=experiment.reward_window_sec,
            default_reward=experiment.default_reward,
            version=1,
        )
        self._session.add(row)
        try:
            await self._session.flush()
        except IntegrityError as error:
            if faults.violated(error) != "uq_experiment_tenant_id_name":
                raise
            raise NameTaken(f"an experiment has this name: {row.name}") from error
        await self._changed(row.id, row.version)
        return await self.get(row.id)

    async def get(self, experiment_id: str) -> ExperimentRecord:
        """Raises ExperimentNotFound."""
        return to_record(await self._row(experiment_id))

    async def page(
        self,
        limit: int = 100,
        offset: int = 0,
        search: str | None = None,
        enabled: bool | None = None,
    ) -> list[ExperimentRecord]:
        """Experiments, the newest first; ``search`` is part of a name, in any case."""
        query = self._all()
        if search:
            query = query.where(ExperimentRow.name.icontains(search, autoescape=True))
        if enabled is not None:
            query = query.where(ExperimentRow.enabled.is_(enabled))
        rows = await self._session.scalars(query.limit(limit).offset(offset))
        return [to_record(row) for row in rows]

    async def of_pool(self, pool_id: str) -> list[ExperimentRecord]:
        """All experiments on a pool, the newest first. Raises PoolNotFound."""
        await self._hold_pool(pool_id)
        query = self._all().where(ExperimentRow.pool_id == pool_id)
        return [to_record(row) for row in await self._session.scalars(query)]

    async def update(
        self,
        experiment_id: str,
        enabled: bool | None = None,
        policy_params: Mapping[str, Any] | None = None,
        window: Window | None = None,
    ) -> ExperimentRecord:
        """Change what is given; parameters are replaced whole, and so is the window.

        Raises ExperimentNotFound.
        """
        row = await self._row(experiment_id, lock=True)
        if enabled is not None:
            row.enabled = enabled
        if policy_params is not None:
            row.policy_params = dict(policy_params)
        if window is not None:
            row.reward_window_sec, row.default_reward = window
        if self._session.is_modified(row):
            row.version += 1
            await self._session.flush()
            await self._changed(row.id, row.version)
        return to_record(row)

    async def restart(
        self, experiment_id: str, restored: int | None = None
    ) -> ExperimentRecord:
        """Begin the next generation, from a kept version of the params or the prior.

        Raises ExperimentNotFound, and Conflict if a running one would lose all.
        """
        row = await self._row(experiment_id, lock=True)
        if row.enabled and restored is None:
            raise Conflict("the experiment is running: pause it first")
        row.generation += 1
        row.restored_version = restored
        row.version += 1
        await self._session.flush()
        await self._changed(row.id, row.version)
        return to_record(row)

    async def remove(self, experiment_id: str) -> int:
        """The version as of which the experiment is gone; its pool stays.

        Raises ExperimentNotFound.
        """
        row = await self._row(experiment_id, lock=True)
        await self._session.delete(row)
        await self._session.flush()
        gone = row.version + 1
        await self._changed(row.id, gone)
        return gone

    async def count_enabled(self) -> int:
        """Experiments that are not paused."""
        counted = await self._session.scalar(
            select(func.count())
            .select_from(ExperimentRow)
            .where(ExperimentRow.tenant_id == self.tenant_id)
            .where(ExperimentRow.enabled)
        )
        return counted or 0

    def _all(self) -> Select[ExperimentRow]:
        return (
            select(ExperimentRow)
            .where(ExperimentRow.tenant_id == self.tenant_id)
            .order_by(ExperimentRow.created_at.desc(), ExperimentRow.id.desc())
            .options(selectinload(ExperimentRow.pool).selectinload(PoolRow.arms))
            .options(selectinload(ExperimentRow.gate))
            .execution_options(populate_existing=True)
        )

    async def _row(self, experiment_id: str, lock: bool = False) -> ExperimentRow:
        one = self._all().where(ExperimentRow.id == experiment_id)
        row = await self._session.scalar(one.with_for_update() if lock else one)
        if row is None:
            raise ExperimentNotFound(f"experiment not found: {experiment_id}")
        return row

    async def _changed(self, experiment_id: str, version: int) -> None:
        await changes.experiment_changed(
            self._session, self.tenant_id, experiment_id, version
        )

    async def _hold_pool(self, pool_id: str) -> None:
        held = await self._session.scalar(
            select(PoolRow.id)
            .where(PoolRow.id == pool_id)
            .where(PoolRow.tenant_id == self.tenant_id)
            .with_for_update(read=True)
        )
        if held is None:
            raise PoolNotFound(f"pool not found: {pool_id}")


def to_record(row: ExperimentRow) -> ExperimentRecord:
    gate = None if row.gate is None else _gate(row.gate)
    return ExperimentRecord(
        experiment=Experiment(
            id=row.id,
            name=row.name,
            pool=pools.to_core(row.pool),
            policy=row.policy,
            policy_params=row.policy_params,
            enabled=row.enabled,
            reward_window_sec=row.reward_window_sec,
            default_reward=row.default_reward,
            generation=row.generation,
            restored=row.restored_version,
            gate=None if gate is None else as_dict(gate.gate),
        ),
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
        gate=gate,
    )


def _gate(row: GateRow) -> GateRecord:
    gate = Gate(
        enabled=row.enabled,
        default_arm_id=row.default_arm_id,
        schedule_start=row.schedule_start,
        schedule_end=row.schedule_end,
        active_hours_start=row.active_hours_start,
        active_hours_end=row.active_hours_end,
        timezone=row.timezone,
        rollout_percentage=row.rollout_percentage,
        rules=msgspec.convert(row.rules, tuple[Rule, ...]),
    )
    return GateRecord(
        gate=gate,
        version=row.version,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )
