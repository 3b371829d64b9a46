"""Asking a service whether it is ready."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable
from collections.abc import Callable

from qbrixcli.embedded.errors import StartError
from qbrixcli.service import Service

READY_SEC = 60.0
PROBE_SEC = 0.05
ANSWER_SEC = 2.0

Probe = Callable[[], Awaitable[bool]]


def http_probe(host: str, port: int, tls: ssl.SSLContext | None = None) -> Probe:
    """Whether ``GET /health/ready`` answers 200."""
    request = f"GET /health/ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"

    async def probe() -> bool:
        try:
            async with asyncio.timeout(ANSWER_SEC):
                reader, writer = await asyncio.open_connection(host, port, ssl=tls)
        except OSError:
            return False
        try:
            writer.write(request.encode())
            async with asyncio.timeout(ANSWER_SEC):
                status = await reader.readline()
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()
        return status.split()[1:2] == [b"200"]

    return probe


def grpc_probe(host: str, port: int) -> Probe:
    """Whether grpc.health.v1 says SERVING."""

    async def probe() -> bool:
        # loaded while the services start, not before
        import grpc
        from grpc_health.v1 import health_pb2
        from grpc_health.v1 import health_pb2_grpc

        async with grpc.aio.insecure_channel(f"{host}:{port}") as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            try:
                answer = await stub.Check(
                    health_pb2.HealthCheckRequest(), timeout=ANSWER_SEC
                )
            except grpc.aio.AioRpcError:
                return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    return probe


async def until_ready(service: Service, probe: Probe) -> None:
    """Wait for a started service. Raises StartError if it ends, or takes too long."""
    ended = asyncio.create_task(service.wait())
    polling = asyncio.create_task(_poll(probe))
    try:
        await asyncio.wait(
            {ended, polling}, timeout=READY_SEC, return_when=asyncio.FIRST_COMPLETED
        )
        if polling.done():
            polling.result()
            return
        if ended.done():
            raise StartError(
                f"{service.name} ended at start ({ended.result()}): {service.last_line}"
            )
        raise StartError(
            f"{service.name} was not ready within {READY_SEC:.0f} s:"
            f" {service.last_line}"
        )
    finally:
        for task in (ended, polling):
            task.cancel()
        await asyncio.gather(ended, polling, return_exceptions=True)


async def _poll(probe: Probe) -> None:
    while True:
        if await probe():
            return
        await asyncio.sleep(PROBE_SEC)
