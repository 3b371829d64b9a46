"""The gRPC server of one worker; all workers share the port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from typing import Final

import grpc

from proxysvc.accounts.assembly import Accounts
from proxysvc.auth import Authenticator
from proxysvc.experiments import ExperimentService
from proxysvc.fast.body import MAX_BYTES
from proxysvc.gates.service import GateService
from proxysvc.grpc.auth import AuthServicer
from proxysvc.grpc.bounds import CallBounds
from proxysvc.grpc.servicer import ProxyServicer
from proxysvc.pools import PoolService
from proxysvc.readiness import Readiness
from proxysvc.selection import Selection
from proxysvc.settings import ProxySettings
from proxysvc.turns import Turns
from qbrixproto import auth_pb2
from qbrixproto import auth_pb2_grpc
from qbrixproto import proxy_pb2
from qbrixproto import proxy_pb2_grpc
from qbrixserving.guard import Meter
from qbrixserving.registration import Methods
from qbrixserving.server import GrpcOptions
from qbrixserving.server import Served
from qbrixserving.server import serve_grpc

if TYPE_CHECKING:
    from qbrixserving.tracing.tracer import Tracer

# a channel sticks to one worker: ending connections now and then spreads them
OPTIONS: Final = GrpcOptions(
    reuse_port=True,
    max_request_bytes=MAX_BYTES,
    max_connection_age_sec=300.0,
    grace_sec=5.0,
)
SERVICES: Final = tuple(
    service.full_name
    for file in (proxy_pb2.DESCRIPTOR, auth_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
)


@asynccontextmanager
async def serve_proxy(
    settings: ProxySettings,
    authenticator: Authenticator,
    pools: PoolService,
    experiments: ExperimentService,
    gates: GateService,
    accounts: Accounts,
    selection: Selection,
    readiness: Readiness,
    meter: Meter,
    tracer: Tracer | None = None,
) -> AsyncIterator[Served]:
    """ProxyService and AuthService with health and reflection. Raises CannotStart."""
    auth = AuthServicer(authenticator, accounts)
    servicer = ProxyServicer(
        authenticator, pools, experiments, gates, selection, readiness
    )

    pair = settings.tls.pair()

    def register(server: Methods) -> None:
        proxy_pb2_grpc.add_ProxyServiceServicer_to_server(servicer, server)
        auth_pb2_grpc.add_AuthServiceServicer_to_server(auth, server)

    bounds = CallBounds(
        # twice as many as decide at once: the others read, check and answer
        Turns(2 * settings.max_in_flight),
        Turns(settings.max_control_in_flight),
        settings.control_timeout_ms / 1_000,
    )
    async with serve_grpc(
        settings.grpc_host,
        settings.grpc_port,
        SERVICES,
        register,
        options=OPTIONS,
        wraps=(bounds,),
        meter=meter,
        tracer=tracer,
        credentials=None if pair is None else grpc.ssl_server_credentials([pair]),
    ) as served:
        yield served
