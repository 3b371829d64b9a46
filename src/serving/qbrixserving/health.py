"""Readiness over gRPC (grpc.health.v1) and server reflection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import grpc
from grpc_health.v1 import health
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from qbrixproto import common_pb2

SERVING: Final = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING: Final = health_pb2.HealthCheckResponse.NOT_SERVING


class Health:
    """Whether a server is ready; not before it says so, not after it began to drain."""

    def __init__(self, services: Sequence[str]) -> None:
        self._names = ("", *services)
        self._ready = False
        self._draining = False
        self._servicer = health.aio.HealthServicer()  # type: ignore[attr-defined]

    @property
    def ready(self) -> bool:
        """Whether calls should be sent here."""
        return self._ready and not self._draining

    async def add_to(self, server: grpc.aio.Server) -> None:
        """Serve health and reflection on a server that has not been started."""
        await self.set_ready(False)
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)
        names = (*self._names[1:], health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)

    async def set_ready(self, ready: bool) -> None:
        """Tell everyone who watches; ignored while draining."""
        self._ready = ready
        for name in self._names:
            await self._servicer.set(name, SERVING if ready else NOT_SERVING)

    async def drain(self) -> None:
        """Not ready, for good."""
        self._draining = True
        await self._servicer.enter_graceful_shutdown()

    def answer(self) -> common_pb2.HealthCheckResponse:
        """The same as the Health method of a qbrix service says it."""
        statuses = common_pb2.HealthCheckResponse
        status = statuses.SERVING if self.ready else statuses.NOT_SERVING
        return common_pb2.HealthCheckResponse(status=status)
