"""What callers can do with experiments, whichever wire they use."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from typing import Final
from uuid import uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession

from proxysvc import scopes
from proxysvc.accounts.plans import Plans
from proxysvc.audit import note
from proxysvc.gates.config import GateConfig
from proxysvc.gates.config import resolve
from proxysvc.inputs import check_id
from proxysvc.inputs import check_name
from proxysvc.inputs import check_page
from proxysvc.inputs import check_value
from proxysvc.learners import learner
from proxysvc.learners import owner_of
from proxysvc.params import check_params
from proxysvc.params import check_same_shape
from proxysvc.publishing import Publishing
from proxysvc.publishing import leveling
from proxysvc.restarts import Restarts
from proxysvc.windows import WindowChange
from proxysvc.windows import changed_window
from proxysvc.windows import check_window
from qbrixcore.definition import make_definition
from qbrixcore.errors import ExperimentLimitReached
from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Invalid
from qbrixcore.errors import LearnerReadOnly
from qbrixcore.errors import LearnerUndeletable
from qbrixcore.errors import PoolNotFound
from qbrixcore.errors import QbrixError
from qbrixcore.experiment import Experiment
from qbrixcore.gate import as_dict
from qbrixlog import get_logger
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.gates import Gates
from qbrixstore.postgres.pools import Pools
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import ExperimentRecord
from qbrixstore.postgres.tenants import hold_tenant

logger = get_logger(__name__)

UNSAID: Final = "auto"  # the policy of those who name none
UNCHANGED: Final = WindowChange()
UNDONE: Final = MappingProxyType({"reason": "redis could not be told of it"})


class NewExperiment(msgspec.Struct, frozen=True, kw_only=True):
    """An experiment that does not exist yet."""

    name: str
    pool_id: str
    policy: str
    policy_params: Mapping[str, object] = {}
    enabled: bool = True
    gate: GateConfig | None = None
    reward_window_sec: int | None = None
    default_reward: float | None = None


class ExperimentService:
    """Experiments of the caller's tenant.

    Postgres decides; Redis is brought level before an answer goes out, and by the
    relay if that fails half-way. Every method raises InsufficientScopes and
    Unavailable beside what it names.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        publishing: Publishing,
        max_state_bytes: int,
        wake_relay: Callable[[], None],
        plans: Plans,
        longest_window: int,
    ) -> None:
        """``longest_window`` is how many seconds a reward can be awaited at most."""
        self._engine = engine
        self._plans = plans
        self._publishing = publishing
        self._max_state_bytes = max_state_bytes
        self._wake_relay = wake_relay
        self._longest_window = longest_window
        self.restarts = Restarts(engine, publishing, wake_relay)

    async def create(self, caller: Principal, new: NewExperiment) -> ExperimentRecord:
        """A new experiment, ready to be selected from when this returns.

        Raises Invalid, InvalidParams, PoolNotFound, NameTaken and, when the plan is
        used up, ExperimentLimitReached.
        """
        scopes.require(caller, scopes.EXPERIMENT_WRITE)
        check_name("an experiment", new.name)
        check_value("policy_params", new.policy_params)
        if not new.policy:
            new = msgspec.structs.replace(new, policy=UNSAID)
        if new.gate is not None:
            scopes.require(caller, scopes.GATE_WRITE)
        check_id(new.pool_id, PoolNotFound)
        record = await self._add(caller, new)
        try:
            await self._publish(caller.tenant_id, record)
        except QbrixError:
            await self._take_back(caller, record)
            raise
        finally:
            self._wake_relay()
        return record

    async def get(self, caller: Principal, experiment_id: str) -> ExperimentRecord:
        """An experiment, or a learner of one. Raises ExperimentNotFound."""
        scopes.require(caller, scopes.EXPERIMENT_READ)
        owner = owner_of(experiment_id)
        if owner is None:
            check_id(experiment_id, ExperimentNotFound)
        async with get_session(self._engine, caller.tenant_id) as session:
            experiments = Experiments(session, caller.tenant_id)
            record = await experiments.get(owner or experiment_id)
        return record if owner is None else learner(record, experiment_id)

    async def page(
        self,
        caller: Principal,
        limit: int,
        offset: int,
        search: str | None = None,
        enabled: bool | None = None,
    ) -> list[ExperimentRecord]:
        """Experiments, the newest first; ``search`` is part of a name.

        Raises Invalid.
        """
        scopes.require(caller, scopes.EXPERIMENT_READ)
        check_page(limit, offset)
        check_value("search", search)
        async with get_session(self._engine, caller.tenant_id) as session:
            experiments = Experiments(session, caller.tenant_id)
            return await experiments.page(limit, offset, search, enabled)

    async def update(
        self,
        caller: Principal,
        experiment_id: str,
        enabled: bool | None = None,
        policy_params: Mapping[str, Any] | None = None,
        gated: bool = False,
        window: WindowChange = UNCHANGED,
    ) -> ExperimentRecord:
        """Change what is given; what was learned is kept.

        Raises ExperimentNotFound, Invalid, InvalidParams and, when one is resumed that
        the plan has no room for, ExperimentLimitReached; LearnerReadOnly.
        """
        scopes.require(caller, scopes.EXPERIMENT_WRITE)
        await self._check_changeable(caller, experiment_id, LearnerReadOnly)
        if gated:
            raise Invalid("the gate of an experiment is changed with UpdateGateConfig")
        if policy_params is not None:
            check_value("policy_params", policy_params)
        await self._publishing.check()
        async with get_session(self._engine, caller.tenant_id) as session:
            experiments = Experiments(session, caller.tenant_id)
            current = (await experiments.get(experiment_id)).experiment
            if policy_params is not None:
                check_same_shape(current, policy_params)
            awaited = changed_window(
                current, window, policy_params, self._longest_window
            )
            if enabled and not current.enabled:
                await self._check_room(session, caller)
            record = await experiments.update(
                experiment_id, enabled, policy_params, awaited
            )
            given = {"enabled": enabled, "policy_params": policy_params}
            changes = {name: one for name, one in given.items() if one is not None}
            if awaited is not None:
                changes |= awaited._asdict()
            await note(session, caller, "experiment.update", experiment_id, changes)
        with leveling(self._wake_relay):
            await self._publish(caller.tenant_id, record)
        return record

    async def delete(self, caller: Principal, experiment_id: str) -> None:
        """Forget the experiment and what it learned; the pool stays.

        Raises ExperimentNotFound, LearnerUndeletable.
        """
        scopes.require(caller, scopes.EXPERIMENT_DELETE)
        await self._check_changeable(caller, experiment_id, LearnerUndeletable)
        await self._publishing.check()
        tenant = caller.tenant_id
        async with get_session(self._engine, tenant) as session:
            version = await Experiments(session, tenant).remove(experiment_id)
            await note(session, caller, "experiment.delete", experiment_id)
        with leveling(self._wake_relay):
            await self._publishing.withdraw(tenant, experiment_id, version)

    async def _check_changeable(
        self, caller: Principal, experiment_id: str, refusal: type[LearnerReadOnly]
    ) -> None:
        """Raises ExperimentNotFound, or the refusal for a learner that there is."""
        owner = owner_of(experiment_id)
        if owner is None:
            check_id(experiment_id, ExperimentNotFound)
            return
        async with get_session(self._engine, caller.tenant_id) as session:
            record = await Experiments(session, caller.tenant_id).get(owner)
        learner(record, experiment_id)
        raise refusal()

    async def _add(self, caller: Principal, new: NewExperiment) -> ExperimentRecord:
        tenant = caller.tenant_id
        async with get_session(self._engine, tenant) as session:
            pool = (await Pools(session, tenant).get(new.pool_id)).pool
            check_params(
                new.policy, new.policy_params, len(pool.arms), self._max_state_bytes
            )
            experiment = Experiment(
                id=uuid4().hex,
                name=new.name,
                pool=pool,
                policy=new.policy,
                policy_params=dict(new.policy_params),
                enabled=new.enabled,
                reward_window_sec=new.reward_window_sec,
                default_reward=new.default_reward,
            )
            check_window(experiment, self._longest_window)
            if new.enabled:
                await self._check_room(session, caller)
            made = {
                "name": new.name,
                "pool_id": new.pool_id,
                "policy": new.policy,
                "policy_params": new.policy_params,
                "enabled": new.enabled,
                "reward_window_sec": new.reward_window_sec,
                "default_reward": new.default_reward,
            }
            await note(session, caller, "experiment.create", experiment.id, made)
            record = await Experiments(session, tenant).add(experiment)
            if new.gate is None:
                return record
            gate = resolve(new.gate, record.experiment.pool)
            await note(session, caller, "gate.create", experiment.id, as_dict(gate))
            return await Gates(session, tenant).add(experiment.id, gate)

    async def _check_room(self, session: AsyncSession, caller: Principal) -> None:
        """Raises ExperimentLimitReached when the plan allows no more active ones."""
        most = self._plans.of(caller.plan).experiments
        if not most:
            return
        # two at once must not both see room for the last one
        await hold_tenant(session, caller.tenant_id)
        if await Experiments(session, caller.tenant_id).count_enabled() >= most:
            raise ExperimentLimitReached(
                f"the plan {caller.plan} allows {most} active experiments", limit=most
            )

    async def _publish(self, tenant: str, record: ExperimentRecord) -> None:
        definition = make_definition(tenant, record.experiment, record.version)
        await self._publishing.publish(definition)

    async def _take_back(self, caller: Principal, record: ExperimentRecord) -> None:
        """Undo a creation that Redis did not hear of, or may not have."""
        experiment_id, tenant = record.experiment.id, caller.tenant_id
        try:
            async with get_session(self._engine, tenant) as session:
                await Experiments(session, tenant).remove(experiment_id)
                await note(session, caller, "experiment.delete", experiment_id, UNDONE)
        except QbrixError as error:
            logger.error("experiment %s stays half-made: %s", experiment_id, error)
