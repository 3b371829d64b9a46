"""What callers can do with the arms of a pool that experiments already use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final
from uuid import uuid4

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.ext.asyncio import AsyncSession

from proxysvc import scopes
from proxysvc.audit import note
from proxysvc.inputs import MOST_ARMS
from proxysvc.inputs import check_id
from proxysvc.inputs import check_name
from proxysvc.inputs import check_value
from proxysvc.params import check_params
from proxysvc.pools import NewArm
from proxysvc.pools import check_arms
from proxysvc.publishing import Publishing
from qbrixcore.definition import make_definition
from qbrixcore.errors import ArmNotFound
from qbrixcore.errors import CorruptState
from qbrixcore.errors import Invalid
from qbrixcore.errors import PoolNotFound
from qbrixcore.errors import Unavailable
from qbrixcore.pool import Arm
from qbrixlog import get_logger
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.pools import Pools
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import ExperimentRecord
from qbrixstore.postgres.records import PoolRecord

logger = get_logger(__name__)

AT_ONCE: Final = 16  # experiments told of a change of their pool


class ArmService:
    """Arms of the caller's pools. Indices only grow; what was learned is kept.

    Every change is a change of all experiments on the pool, and Redis has it before an
    answer goes out. Every method raises InsufficientScopes and Unavailable beside what
    it names.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        publishing: Publishing,
        max_state_bytes: int,
        wake_relay: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._publishing = publishing
        self._max_state_bytes = max_state_bytes
        self._wake_relay = wake_relay

    async def add(
        self, caller: Principal, pool_id: str, arms: Sequence[NewArm]
    ) -> PoolRecord:
        """The pool with these arms behind the others.

        Raises PoolNotFound, Invalid, NameTaken, and InvalidParams when the state of an
        experiment would become too large.
        """
        scopes.require(caller, scopes.POOL_WRITE)
        check_arms(arms)
        check_id(pool_id, PoolNotFound)
        await self._publishing.check()
        tenant = caller.tenant_id
        async with get_session(self._engine, tenant) as session:
            pools = Pools(session, tenant)
            first = len((await pools.hold(pool_id)).arms)
            new = [
                Arm(uuid4().hex, arm.name, index, metadata=arm.metadata)
                for index, arm in enumerate(arms, first)
            ]
            await self._check_room(session, tenant, pool_id, first + len(new))
            pool = await pools.add_arms(pool_id, new)
            made = [{"id": arm.id, "name": arm.name} for arm in new]
            await note(session, caller, "pool.add_arms", pool_id, {"arms": made})
            changed = await Experiments(session, tenant).of_pool(pool_id)
        await self._level(tenant, changed)
        return pool

    async def update(
        self,
        caller: Principal,
        pool_id: str,
        arm_id: str,
        name: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        is_active: bool | None = None,
    ) -> Arm:
        """Change what is given of an arm; an inactive one is not selected any more.

        Raises PoolNotFound, ArmNotFound, Invalid, NameTaken, and Conflict when no
        active arm would be left.
        """
        scopes.require(caller, scopes.POOL_WRITE)
        if name is not None:
            check_name("an arm", name)
        check_value("the metadata of an arm", metadata)
        check_id(pool_id, PoolNotFound)
        check_id(arm_id, ArmNotFound)
        await self._publishing.check()
        given = {"name": name, "metadata": metadata, "is_active": is_active}
        changes = {field: one for field, one in given.items() if one is not None}
        tenant = caller.tenant_id
        changed: list[ExperimentRecord] = []
        async with get_session(self._engine, tenant) as session:
            pools = Pools(session, tenant)
            pool = await pools.update_arm(pool_id, arm_id, name, metadata, is_active)
            if changes:
                noted = {"pool_id": pool_id, **changes}
                await note(session, caller, "arm.update", arm_id, noted)
                changed = await Experiments(session, tenant).of_pool(pool_id)
        await self._level(tenant, changed)
        return next(arm for arm in pool.pool.arms if arm.id == arm_id)

    async def _check_room(
        self, session: AsyncSession, tenant: str, pool_id: str, arms: int
    ) -> None:
        if arms > MOST_ARMS:
            raise Invalid(f"a pool holds at most {MOST_ARMS} arms")
        for record in await Experiments(session, tenant).of_pool(pool_id):
            one = record.experiment
            check_params(one.policy, one.policy_params, arms, self._max_state_bytes)

    async def _level(self, tenant: str, changed: Sequence[ExperimentRecord]) -> None:
        """Tell Redis of a committed change; the relay does it if Redis went away."""
        room, away = asyncio.Semaphore(AT_ONCE), False

        async def publish(record: ExperimentRecord) -> None:
            nonlocal away
            async with room:
                if away:
                    return
                try:
                    definition = make_definition(
                        tenant, record.experiment, record.version
                    )
                    await self._publishing.publish(definition)
                except (Unavailable, Invalid, CorruptState) as error:
                    away = away or isinstance(error, Unavailable)
                    logger.warning("the relay has to bring redis level: %s", error)

        try:
            await asyncio.gather(*(publish(record) for record in changed))
        finally:
            self._wake_relay()
