"""What callers can do with pools, whichever wire they use."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from uuid import uuid4

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc import scopes
from proxysvc.audit import note
from proxysvc.inputs import MOST_ARMS
from proxysvc.inputs import check_id
from proxysvc.inputs import check_name
from proxysvc.inputs import check_page
from proxysvc.inputs import check_value
from qbrixcore.errors import Invalid
from qbrixcore.errors import PoolNotFound
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool
from qbrixstore.postgres import get_session
from qbrixstore.postgres.experiments import Experiments
from qbrixstore.postgres.pools import Pools
from qbrixstore.postgres.principal import Principal
from qbrixstore.postgres.records import ExperimentRecord
from qbrixstore.postgres.records import PoolRecord


class NewArm(msgspec.Struct, frozen=True):
    """An arm that does not exist yet."""

    name: str
    metadata: Mapping[str, object] = {}


class PoolService:
    """Pools of the caller's tenant.

    Every method raises InsufficientScopes and Unavailable beside what it names.
    """

    def __init__(self, engine: AsyncEngine, wake_relay: Callable[[], None]) -> None:
        self._engine = engine
        self._wake_relay = wake_relay

    async def create(
        self, caller: Principal, name: str, arms: Sequence[NewArm]
    ) -> PoolRecord:
        """A new pool; arms get their index from their order.

        Raises Invalid and NameTaken.
        """
        scopes.require(caller, scopes.POOL_WRITE)
        check_name("a pool", name)
        check_arms(arms)
        pool = Pool(
            id=uuid4().hex,
            name=name,
            arms=tuple(
                Arm(uuid4().hex, arm.name, index, metadata=arm.metadata)
                for index, arm in enumerate(arms)
            ),
        )
        async with get_session(self._engine, caller.tenant_id) as session:
            await note(session, caller, "pool.create", pool.id, {"name": name})
            return await Pools(session, caller.tenant_id).add(pool)

    async def get(self, caller: Principal, pool_id: str) -> PoolRecord:
        """Raises PoolNotFound."""
        scopes.require(caller, scopes.POOL_READ)
        check_id(pool_id, PoolNotFound)
        async with get_session(self._engine, caller.tenant_id) as session:
            return await Pools(session, caller.tenant_id).get(pool_id)

    async def page(
        self, caller: Principal, limit: int, offset: int
    ) -> list[PoolRecord]:
        """Pools, the newest first. Raises Invalid."""
        scopes.require(caller, scopes.POOL_READ)
        check_page(limit, offset)
        async with get_session(self._engine, caller.tenant_id) as session:
            return await Pools(session, caller.tenant_id).page(limit, offset)

    async def rename(
        self, caller: Principal, pool_id: str, name: str | None
    ) -> PoolRecord:
        """The pool with the name, or as it was without one.

        Raises PoolNotFound, Invalid and NameTaken.
        """
        scopes.require(caller, scopes.POOL_WRITE)
        check_id(pool_id, PoolNotFound)
        if name is not None:
            check_name("a pool", name)
        async with get_session(self._engine, caller.tenant_id) as session:
            pools = Pools(session, caller.tenant_id)
            if name is None:
                return await pools.get(pool_id)
            renamed = await pools.rename(pool_id, name)
            await note(session, caller, "pool.update", pool_id, {"name": name})
        self._wake_relay()
        return renamed

    async def delete(self, caller: Principal, pool_id: str) -> None:
        """Raises PoolNotFound, and PoolInUse with the ids of the experiments."""
        scopes.require(caller, scopes.POOL_DELETE)
        check_id(pool_id, PoolNotFound)
        async with get_session(self._engine, caller.tenant_id) as session:
            await Pools(session, caller.tenant_id).remove(pool_id)
            await note(session, caller, "pool.delete", pool_id)

    async def experiments(
        self, caller: Principal, pool_id: str
    ) -> list[ExperimentRecord]:
        """Experiments on the pool, the newest first. Raises PoolNotFound."""
        scopes.require(caller, scopes.EXPERIMENT_READ)
        check_id(pool_id, PoolNotFound)
        async with get_session(self._engine, caller.tenant_id) as session:
            return await Experiments(session, caller.tenant_id).of_pool(pool_id)


def check_arms(arms: Sequence[NewArm]) -> None:
    """Raises Invalid for arms that no pool can get together."""
    if not arms:
        raise Invalid("a pool needs at least one arm")
    if len(arms) > MOST_ARMS:
        raise Invalid(f"a pool holds at most {MOST_ARMS} arms")
    seen: set[str] = set()
    for arm in arms:
        check_name("an arm", arm.name)
        check_value("the metadata of an arm", arm.metadata)
        if arm.name in seen:
            raise Invalid(f"two arms have the same name: {arm.name}")
        seen.add(arm.name)
