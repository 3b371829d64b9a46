"""ProxyService: the gates of experiments."""

from __future__ import annotations

from proxysvc.gates.service import GateService
from proxysvc.grpc.base import Methods
from proxysvc.grpc.caller import Context
from proxysvc.grpc.gate_messages import gate_config
from proxysvc.grpc.gate_messages import gate_message
from proxysvc.grpc.gate_messages import gate_patch
from qbrixcore.errors import Invalid
from qbrixproto import proxy_pb2 as proxy


class GateMethods(Methods):
    """The methods about gates."""

    gates: GateService

    async def CreateGateConfig(
        self, request: proxy.CreateGateConfigRequest, context: Context
    ) -> proxy.CreateGateConfigResponse:
        """A gate for an experiment that has none."""
        caller = await self.caller()
        config = gate_config(_given(request))
        record = await self.gates.create(caller, request.experiment_id, config)
        return proxy.CreateGateConfigResponse(config=gate_message(record))

    async def GetGateConfig(
        self, request: proxy.GetGateConfigRequest, context: Context
    ) -> proxy.GetGateConfigResponse:
        """The gate of an experiment."""
        caller = await self.caller()
        record = await self.gates.get(caller, request.experiment_id)
        return proxy.GetGateConfigResponse(config=gate_message(record))

    async def UpdateGateConfig(
        self, request: proxy.UpdateGateConfigRequest, context: Context
    ) -> proxy.UpdateGateConfigResponse:
        """What the mask names is changed; without one the whole gate is replaced."""
        caller = await self.caller()
        if request.update_mask:
            patch = gate_patch(request.config, request.update_mask)
            record = await self.gates.update(caller, request.experiment_id, patch)
        else:
            config = gate_config(_given(request))
            record = await self.gates.replace(caller, request.experiment_id, config)
        return proxy.UpdateGateConfigResponse(config=gate_message(record))

    async def DeleteGateConfig(
        self, request: proxy.DeleteGateConfigRequest, context: Context
    ) -> proxy.DeleteGateConfigResponse:
        """From now on the bandit decides."""
        await self.gates.delete(await self.caller(), request.experiment_id)
        return proxy.DeleteGateConfigResponse(deleted=True)


def _given(
    request: proxy.CreateGateConfigRequest | proxy.UpdateGateConfigRequest,
) -> proxy.FeatureGateConfig:
    if not request.HasField("config"):
        raise Invalid("config is missing")
    return request.config
