"""ProxyService: pools, experiments and policies."""

from __future__ import annotations

from proxysvc.auth import Authenticator
from proxysvc.experiments import ExperimentService
from proxysvc.gates.service import GateService
from proxysvc.grpc import messages
from proxysvc.grpc.agent import AgentMethods
from proxysvc.grpc.caller import Context
from proxysvc.grpc.experiments import ExperimentMethods
from proxysvc.grpc.gates import GateMethods
from proxysvc.grpc.pools import PoolMethods
from proxysvc.policies import list_policies
from proxysvc.pools import PoolService
from proxysvc.readiness import Readiness
from proxysvc.selection import Selection
from qbrixproto import common_pb2 as common
from qbrixproto import proxy_pb2 as proxy
from qbrixproto import proxy_pb2_grpc


class ProxyServicer(
    PoolMethods,
    ExperimentMethods,
    GateMethods,
    AgentMethods,
    proxy_pb2_grpc.ProxyServiceServicer,
):
    """Every method of the public service. Errors become statuses in the call guard."""

    def __init__(
        self,
        authenticator: Authenticator,
        pools: PoolService,
        experiments: ExperimentService,
        gates: GateService,
        selection: Selection,
        readiness: Readiness,
    ) -> None:
        self.authenticator = authenticator
        self.pools = pools
        self.experiments = experiments
        self.gates = gates
        self.selection = selection
        self._readiness = readiness

    async def ListPolicies(
        self, request: proxy.ListPoliciesRequest, context: Context
    ) -> proxy.ListPoliciesResponse:
        """The policies and their parameters."""
        await self.caller()
        reward_type = request.reward_type if request.HasField("reward_type") else None
        policies = [messages.policy(spec) for spec in list_policies(reward_type)]
        return proxy.ListPoliciesResponse(policies=policies)

    async def Health(
        self, request: common.HealthCheckRequest, context: Context
    ) -> common.HealthCheckResponse:
        """Whether to send calls here."""
        statuses = common.HealthCheckResponse
        status = statuses.SERVING if self._readiness.ready else statuses.NOT_SERVING
        return common.HealthCheckResponse(status=status)
