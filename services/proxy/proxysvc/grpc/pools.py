"""ProxyService: pools."""

from __future__ import annotations

from proxysvc.grpc import messages
from proxysvc.grpc.base import Methods
from proxysvc.grpc.base import page_limit
from proxysvc.grpc.caller import Context
from proxysvc.pools import NewArm
from proxysvc.pools import PoolService
from qbrixproto import proxy_pb2 as proxy


class PoolMethods(Methods):
    """The methods about pools."""

    pools: PoolService

    async def CreatePool(
        self, request: proxy.CreatePoolRequest, context: Context
    ) -> proxy.CreatePoolResponse:
        """A new pool; arms keep their order."""
        caller = await self.caller()
        arms = [NewArm(arm.name, dict(arm.metadata)) for arm in request.arms]
        record = await self.pools.create(caller, request.name, arms)
        return proxy.CreatePoolResponse(pool=messages.pool(record))

    async def GetPool(
        self, request: proxy.GetPoolRequest, context: Context
    ) -> proxy.GetPoolResponse:
        """One pool."""
        record = await self.pools.get(await self.caller(), request.pool_id)
        return proxy.GetPoolResponse(pool=messages.pool(record))

    async def ListPools(
        self, request: proxy.ListPoolsRequest, context: Context
    ) -> proxy.ListPoolsResponse:
        """Some pools, the newest first, with the limit that was used."""
        caller, limit = await self.caller(), page_limit(request.limit)
        records = await self.pools.page(caller, limit, request.offset)
        pools = [messages.pool(record) for record in records]
        return proxy.ListPoolsResponse(pools=pools, limit=limit, offset=request.offset)

    async def UpdatePool(
        self, request: proxy.UpdatePoolRequest, context: Context
    ) -> proxy.UpdatePoolResponse:
        """The pool, renamed if a name is given."""
        caller = await self.caller()
        name = request.name if request.HasField("name") else None
        record = await self.pools.rename(caller, request.pool_id, name)
        return proxy.UpdatePoolResponse(pool=messages.pool(record))

    async def DeletePool(
        self, request: proxy.DeletePoolRequest, context: Context
    ) -> proxy.DeletePoolResponse:
        """A pool that no experiment uses is gone."""
        await self.pools.delete(await self.caller(), request.pool_id)
        return proxy.DeletePoolResponse(deleted=True)

    async def ListPoolExperiments(
        self, request: proxy.ListPoolExperimentsRequest, context: Context
    ) -> proxy.ListPoolExperimentsResponse:
        """The experiments on a pool, the newest first."""
        caller = await self.caller()
        records = await self.pools.experiments(caller, request.pool_id)
        details = [messages.detail(record) for record in records]
        return proxy.ListPoolExperimentsResponse(
            experiments=[one.experiment for one in details],
            items=[messages.item(one) for one in details],
        )
