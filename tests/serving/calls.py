"""A gRPC service of plain bytes on a real server, and a client for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import asynccontextmanager
from typing import Any

import grpc

from qbrixserving.registration import Methods
from qbrixserving.server import DEFAULTS
from qbrixserving.server import GrpcOptions
from qbrixserving.server import Served
from qbrixserving.server import serve_grpc

SERVICE = "test.Service"
KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


def serve(
    methods: dict[str, Any],
    *,
    port: int = 0,
    options: GrpcOptions = DEFAULTS,
    drain: Callable[[], None] | None = None,
    read: Callable[[bytes], Any] | None = None,
) -> AbstractAsyncContextManager[Served]:
    """A server of methods by kind: ``{"unary_stream": method}``."""
    handlers = {
        kind: getattr(grpc, f"{kind}_rpc_method_handler")(method, read)
        for kind, method in methods.items()
    }

    def register(server: Methods) -> None:
        generic = grpc.method_handlers_generic_handler(SERVICE, handlers)
        server.add_generic_rpc_handlers((generic,))

    return serve_grpc(
        "127.0.0.1", port, [SERVICE], register, options=options, drain=drain
    )


def connect(port: int) -> grpc.aio.Channel:
    """A channel with a connection of its own."""
    own_pool = [("grpc.use_local_subchannel_pool", 1)]
    return grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=own_pool)


@asynccontextmanager
async def serving(
    methods: dict[str, Any],
    *,
    port: int = 0,
    options: GrpcOptions = DEFAULTS,
    read: Callable[[bytes], Any] | None = None,
) -> AsyncIterator[tuple[Served, grpc.aio.Channel]]:
    """A server of methods by kind whose messages ``read`` decodes, and a channel."""
    async with serve(methods, port=port, options=options, read=read) as served:
        async with connect(served.port) as channel:
            yield served, channel


def call(channel: grpc.aio.Channel, kind: str, *messages: bytes, **options: Any) -> Any:
    """Start a call of one kind; a unary request is the first message."""
    method = getattr(channel, kind)(f"/{SERVICE}/{kind}")
    request = iter(messages) if kind.startswith("stream") else messages[0]
    return method(request, **options)


async def replies(started: Any) -> list[bytes]:
    """Everything a call answers. Raises AioRpcError."""
    if hasattr(started, "__aiter__"):
        return [reply async for reply in started]
    return [await started]


async def trailers(started: Any) -> dict[str, str]:
    """What came with the status."""
    return dict(await started.trailing_metadata())
