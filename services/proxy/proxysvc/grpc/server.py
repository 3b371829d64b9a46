"""The gRPC server of one worker; all workers share the port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import grpc

from proxysvc.auth import Authenticator
from proxysvc.experiments import ExperimentService
from proxysvc.grpc.servicer import ProxyServicer
from proxysvc.pools import PoolService
from proxysvc.readiness import Readiness
from proxysvc.selection import Selection
from proxysvc.settings import ProxySettings
from qbrixproto import proxy_pb2
from qbrixproto import proxy_pb2_grpc
from qbrixserving.server import GrpcOptions
from qbrixserving.server import Served
from qbrixserving.server import serve_grpc

# a channel sticks to one worker: ending connections now and then spreads them
OPTIONS: Final = GrpcOptions(
    reuse_port=True, max_connection_age_sec=300.0, grace_sec=5.0
)
SERVICE: Final = proxy_pb2.DESCRIPTOR.services_by_name["ProxyService"].full_name


@asynccontextmanager
async def serve_proxy(
    settings: ProxySettings,
    authenticator: Authenticator,
    pools: PoolService,
    experiments: ExperimentService,
    selection: Selection,
    readiness: Readiness,
) -> AsyncIterator[Served]:
    """ProxyService with health and reflection. Raises CannotStart."""
    servicer = ProxyServicer(authenticator, pools, experiments, selection, readiness)

    def register(server: grpc.aio.Server) -> None:
        proxy_pb2_grpc.add_ProxyServiceServicer_to_server(servicer, server)

    async with serve_grpc(
        settings.grpc_host, settings.grpc_port, [SERVICE], register, options=OPTIONS
    ) as served:
        yield served
