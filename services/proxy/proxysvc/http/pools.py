"""REST: pools."""

from __future__ import annotations

from typing import Annotated
from typing import Any

import msgspec
from litestar import Controller
from litestar import delete
from litestar import get
from litestar import patch
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.params import JSONBody

from proxysvc.http.body import StrictJSON
from proxysvc.http.paging import Limit
from proxysvc.http.paging import Offset
from proxysvc.http.replies import ExperimentReply
from proxysvc.http.replies import Message
from proxysvc.http.replies import PoolPage
from proxysvc.http.replies import PoolReply
from proxysvc.inputs import LONGEST_NAME
from proxysvc.inputs import MOST_ARMS
from proxysvc.pools import NewArm
from proxysvc.pools import PoolService
from qbrixstore.postgres.principal import Principal

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]


class ArmCreate(msgspec.Struct):
    """An arm of a new pool."""

    name: Name
    metadata: dict[str, Any] = {}


class PoolCreate(msgspec.Struct):
    """A new pool; arms keep their order."""

    name: Name
    arms: Annotated[list[ArmCreate], msgspec.Meta(min_length=1, max_length=MOST_ARMS)]


class PoolUpdate(msgspec.Struct):
    """Changes of a pool; what is absent or null stays."""

    name: Name | None = None


class PoolController(Controller):
    """Pools of the caller's tenant."""

    path = "/pools"
    tags = ("pools",)

    @post(dto=StrictJSON[PoolCreate], return_dto=None)
    async def create_pool(
        self,
        data: JSONBody[PoolCreate],
        pools: NamedDependency[PoolService],
        principal: NamedDependency[Principal],
    ) -> PoolReply:
        """Create a pool of arms."""
        arms = [NewArm(arm.name, arm.metadata) for arm in data.arms]
        return PoolReply.of(await pools.create(principal, data.name, arms))

    @get()
    async def list_pools(
        self,
        pools: NamedDependency[PoolService],
        principal: NamedDependency[Principal],
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> PoolPage:
        """List pools, the newest first."""
        records = await pools.page(principal, limit, offset)
        return PoolPage([PoolReply.of(record) for record in records], limit, offset)

    @get("/{pool_id:str}")
    async def get_pool(
        self,
        pool_id: FromPath[str],
        pools: NamedDependency[PoolService],
        principal: NamedDependency[Principal],
    ) -> PoolReply:
        """Get a pool."""
        return PoolReply.of(await pools.get(principal, pool_id))

    @patch("/{pool_id:str}", dto=StrictJSON[PoolUpdate], return_dto=None)
    async def update_pool(
        self,
        pool_id: FromPath[str],
        data: JSONBody[PoolUpdate],
        pools: NamedDependency[PoolService],
        principal: NamedDependency[Principal],
    ) -> PoolReply:
        """Rename a pool."""
        return PoolReply.of(await pools.rename(principal, pool_id, data.name))

    @delete("/{pool_id:str}", status_code=200)
    async def delete_pool(
        self,
        pool_id: FromPath[str],
        pools: NamedDependency[PoolService],
        principal: NamedDependency[Principal],
    ) -> Message:
        """Delete a pool that no experiment uses."""
        await pools.delete(principal, pool_id)
        return Message(f"pool deleted: {pool_id}")

    @get("/{pool_id:str}/experiments")
    async def list_pool_experiments(
        self,
        pool_id: FromPath[str],
        pools: NamedDependency[PoolService],
        principal: NamedDependency[Principal],
    ) -> list[ExperimentReply]:
        """List the experiments on a pool, the newest first."""
        records = await pools.experiments(principal, pool_id)
        return [ExperimentReply.of(record) for record in records]
