"""A gRPC client as the published one behaves: a key, a deadline, bare messages."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc

from proxysvc.app import Worker
from qbrixproto.auth_pb2_grpc import AuthServiceStub
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub


class Calls:
    """Every method of both services by name, with the caller's key."""

    def __init__(self, channel: grpc.aio.Channel, key: str | None) -> None:
        self._stubs = (ProxyServiceStub(channel), AuthServiceStub(channel))
        self._metadata = () if key is None else (("x-api-key", key),)

    def __getattr__(self, name: str) -> Any:
        proxied, auth = self._stubs
        method = getattr(proxied, name, None) or getattr(auth, name)

        def call(request: Any) -> Any:
            return method(request, timeout=10.0, metadata=self._metadata)

        return call


@asynccontextmanager
async def calls_to(worker: Worker, key: str | None) -> AsyncIterator[Calls]:
    async with grpc.aio.insecure_channel(f"127.0.0.1:{worker.grpc_port}") as channel:
        yield Calls(channel, key)


async def refused(call: Any) -> tuple[grpc.StatusCode, str]:
    """Status and details of a call that fails."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error.code(), error.details() or ""
    raise AssertionError("the call was answered")
