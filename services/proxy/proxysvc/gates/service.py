"""What callers can do with gates, whichever wire they use."""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc import scopes
from proxysvc.audit import note
from proxysvc.definitions import DefinitionCache
from proxysvc.definitions import Entry
from proxysvc.gates.config import GateConfig
from proxysvc.gates.config import GatePatch
from proxysvc.gates.config import patched
from proxysvc.gates.config import resolve
from proxysvc.gates.decision import Explanation
from proxysvc.inputs import check_id
from proxysvc.publishing import Publishing
from proxysvc.publishing import leveling
from qbrixcore.definition import make_definition
from qbrixcore.errors import CorruptState
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import GateNotFound
from qbrixcore.errors import QbrixError
from qbrixcore.gate import Gate
from qbrixcore.gate import as_dict
from qbrixcore.gate import from_dict
from qbrixlog import get_logger
from qbrixstore.postgres import get_session
from qbrixstore.postgres.gates import Gates
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import ExperimentRecord

logger = get_logger(__name__)

MakeGate = Callable[[ExperimentRecord], Gate]


class Evaluation(NamedTuple):
    """What a gate says of a context, and the gate and arms that it is about."""

    explanation: Explanation
    gate: Gate
    entry: Entry


class GateService:
    """Gates of the experiments of the caller's tenant.

    A change holds in this worker when its call returns, and in the others within a
    second. Every method raises InsufficientScopes, ExperimentNotFound and Unavailable
    beside what it names.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        publishing: Publishing,
        cache: DefinitionCache,
        wake_relay: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._publishing = publishing
        self._cache = cache
        self._wake_relay = wake_relay

    async def create(
        self, caller: Principal, experiment_id: str, config: GateConfig
    ) -> ExperimentRecord:
        """A gate for an experiment that has none. Raises Invalid, GateExists."""

        async def add(gates: Gates) -> ExperimentRecord:
            held = await gates.hold_experiment(experiment_id)
            gate = resolve(config, held.experiment.pool)
            return await gates.add(experiment_id, gate)

        return await self._change(caller, experiment_id, "gate.create", add)

    async def get(self, caller: Principal, experiment_id: str) -> ExperimentRecord:
        """The experiment with its gate. Raises GateNotFound."""
        scopes.require(caller, scopes.GATE_READ)
        check_id(experiment_id, ExperimentNotFound)
        async with get_session(self._engine, caller.tenant_id) as session:
            return await Gates(session, caller.tenant_id).get(experiment_id)

    async def replace(
        self, caller: Principal, experiment_id: str, config: GateConfig
    ) -> ExperimentRecord:
        """Another gate in place of the one there is. Raises Invalid, GateNotFound."""
        return await self._replace(
            caller, experiment_id, lambda held: resolve(config, held.experiment.pool)
        )

    async def update(
        self, caller: Principal, experiment_id: str, patch: GatePatch
    ) -> ExperimentRecord:
        """Change what is given. Raises Invalid, GateNotFound."""

        def changed(held: ExperimentRecord) -> Gate:
            # held by whoever replaces it, so it is there
            gate = Gate() if held.gate is None else held.gate.gate
            return resolve(patched(gate, patch), held.experiment.pool)

        return await self._replace(caller, experiment_id, changed)

    async def delete(self, caller: Principal, experiment_id: str) -> None:
        """From now on the bandit decides. Raises GateNotFound."""

        async def remove(gates: Gates) -> ExperimentRecord:
            return await gates.remove(experiment_id)

        await self._change(caller, experiment_id, "gate.delete", remove)

    async def evaluate(
        self,
        caller: Principal,
        experiment_id: str,
        context_id: str,
        metadata: Mapping[str, Any],
    ) -> Evaluation:
        """What a select with this context would meet; nothing is stored or counted.

        Raises GateNotFound.
        """
        scopes.require(caller, scopes.GATE_READ)
        check_id(experiment_id, ExperimentNotFound)
        entry = await self._cache.reload(caller.tenant_id, experiment_id)
        stored = entry.definition.gate
        if stored is None:
            raise GateNotFound("the experiment has no feature gate")
        if entry.gate is None:
            raise CorruptState("the gate was written by a newer version")
        explanation = entry.gate.explain(context_id, metadata)
        return Evaluation(explanation, from_dict(stored), entry)

    async def _replace(
        self, caller: Principal, experiment_id: str, make: MakeGate
    ) -> ExperimentRecord:
        async def replace(gates: Gates) -> ExperimentRecord:
            held = await gates.hold(experiment_id)
            return await gates.replace(experiment_id, make(held))

        return await self._change(caller, experiment_id, "gate.update", replace)

    async def _change(
        self,
        caller: Principal,
        experiment_id: str,
        action: str,
        change: Callable[[Gates], Awaitable[ExperimentRecord]],
    ) -> ExperimentRecord:
        scopes.require(caller, scopes.GATE_WRITE)
        check_id(experiment_id, ExperimentNotFound)
        await self._publishing.check()
        tenant = caller.tenant_id
        async with get_session(self._engine, tenant) as session:
            record = await change(Gates(session, tenant))
            now = {} if record.gate is None else as_dict(record.gate.gate)
            await note(session, caller, action, experiment_id, now)
        await self._level(tenant, record)
        return record

    async def _level(self, tenant: str, record: ExperimentRecord) -> None:
        """Tell Redis and this worker; the relay does it if Redis went away."""
        definition = make_definition(tenant, record.experiment, record.version)
        with leveling(self._wake_relay):
            await self._publishing.publish(definition)
            with suppress(QbrixError):
                await self._cache.reload(tenant, definition.experiment)
