"""Starting what was learned anew: from the prior, or from an earlier version."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc import scopes
from proxysvc.audit import note
from proxysvc.inputs import check_id
from proxysvc.publishing import Publishing
from proxysvc.publishing import leveling
from qbrixcore.definition import make_definition
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import NotFound
from qbrixlog import get_logger
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import ExperimentRecord
from qbrixstore.postgres.records import SnapshotRecord
from qbrixstore.postgres.snapshots import Snapshots

logger = get_logger(__name__)

PATIENCE: Final = 1.0  # seconds that an answer waits for what it says to be learned


class Restarts:
    """Resets and rollbacks of experiments of the caller's tenant.

    Postgres counts the generations; the log tells cortex where one ends, in the same
    step that changes the definition, and the relay does that if Redis went away.
    Every method raises InsufficientScopes and Unavailable beside what it names.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        publishing: Publishing,
        wake_relay: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._publishing = publishing
        self._wake_relay = wake_relay

    async def reset(self, caller: Principal, experiment_id: str) -> ExperimentRecord:
        """Forget what was learned; the parameters stay as they are.

        Raises ExperimentNotFound, and Conflict while the experiment runs.
        """
        scopes.require(caller, scopes.EXPERIMENT_WRITE)
        check_id(experiment_id, ExperimentNotFound)
        await self._publishing.check()
        tenant = caller.tenant_id
        async with get_session(self._engine, tenant) as session:
            record = await Experiments(session, tenant).restart(experiment_id)
            changes = {"generation": record.experiment.generation}
            await note(session, caller, "experiment.reset", experiment_id, changes)
        await self._level(tenant, record)
        return record

    async def rollback(
        self, caller: Principal, experiment_id: str, version: int
    ) -> ExperimentRecord:
        """Go back to what was known at a kept version; running ones may, too.

        Raises ExperimentNotFound, and NotFound for a version that is not kept.
        """
        scopes.require(caller, scopes.EXPERIMENT_WRITE)
        check_id(experiment_id, ExperimentNotFound)
        await self._publishing.check()
        tenant = caller.tenant_id
        async with get_session(self._engine, tenant) as session:
            record = await Experiments(session, tenant).restart(experiment_id, version)
            kept = await Snapshots(session).listing(tenant, experiment_id)
            if version not in {one.version for one in kept}:
                raise NotFound(f"no version {version} is kept")
            changes = {
                "generation": record.experiment.generation,
                "version": version,
            }
            await note(session, caller, "experiment.rollback", experiment_id, changes)
        await self._level(tenant, record)
        return record

    async def versions(
        self, caller: Principal, experiment_id: str
    ) -> list[SnapshotRecord]:
        """What can be gone back to, the newest first. Raises ExperimentNotFound."""
        scopes.require(caller, scopes.EXPERIMENT_READ)
        check_id(experiment_id, ExperimentNotFound)
        tenant = caller.tenant_id
        async with get_session(self._engine, tenant) as session:
            await Experiments(session, tenant).get(experiment_id)
            return await Snapshots(session).listing(tenant, experiment_id)

    async def _level(self, tenant: str, record: ExperimentRecord) -> None:
        definition = make_definition(tenant, record.experiment, record.version)
        with leveling(self._wake_relay):
            try:
                async with asyncio.timeout(PATIENCE):
                    await self._publishing.publish(definition)
                    await self._publishing.reached(definition)
            except TimeoutError:
                logger.warning(
                    "cortex is late: %s goes on as it was for now",
                    definition.experiment,
                )
