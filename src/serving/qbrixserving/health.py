"""Readiness over gRPC (grpc.health.v1) and server reflection."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import grpc
from grpc_health.v1 import health
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from grpc_reflection.v1alpha import reflection_pb2_grpc

from qbrixproto import common_pb2
from qbrixserving.registration import Methods

Context = grpc.aio.ServicerContext[Any, Any]
Response: Any = health_pb2.HealthCheckResponse


class Health(health_pb2_grpc.HealthServicer):  # type: ignore[misc]
    """Whether a server is ready; not before it says so, not after it began to drain.

    Other than the library's servicer it ends the streams of those who watch when the
    server drains, which would otherwise wait for them as long as its grace lasts.
    """

    def __init__(self, services: Sequence[str]) -> None:
        self._services = tuple(services)
        self._ready = False
        self._draining = False
        self._changed = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether calls should be sent here."""
        return self._ready and not self._draining

    def add_to(self, methods: Methods) -> None:
        """Serve health and reflection with the methods of a server."""
        health_pb2_grpc.add_HealthServicer_to_server(self, methods)
        names = (*self._services, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflected = reflection.aio.ReflectionServicer(names)  # type: ignore[attr-defined]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(reflected, methods)

    async def set_ready(self, ready: bool) -> None:
        """Tell everyone who watches; without effect while draining."""
        self._ready = ready
        self._announce()

    def drain(self) -> None:
        """Not ready, for good."""
        self._draining = True
        self._announce()

    def answer(self) -> common_pb2.HealthCheckResponse:
        """The same as the Health method of a qbrix service says it."""
        statuses = common_pb2.HealthCheckResponse
        status = statuses.SERVING if self.ready else statuses.NOT_SERVING
        return common_pb2.HealthCheckResponse(status=status)

    async def Check(self, request: Any, context: Context) -> Any:
        """The status now; NOT_FOUND for a service that is not here."""
        status = self._status(request.service)
        if status == Response.SERVICE_UNKNOWN:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such service")
        return Response(status=status)

    async def Watch(self, request: Any, context: Context) -> None:
        """The status now and whenever it changes, until the server drains."""
        last = None
        while True:
            changed = self._changed
            status = self._status(request.service)
            if status != last:
                await context.write(Response(status=status))
                last = status
            if self._draining:
                return
            await changed.wait()

    def _status(self, service: str) -> Any:
        if service and service not in self._services:
            return Response.SERVICE_UNKNOWN
        return Response.SERVING if self.ready else Response.NOT_SERVING

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
