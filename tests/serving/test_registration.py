"""What services add to a server: wrapped once, whole, in order."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest
from tests.serving.calls import SERVICE
from tests.serving.calls import call
from tests.serving.calls import connect

from qbrixproto.common_pb2 import HealthCheckRequest
from qbrixproto.common_pb2 import HealthCheckResponse
from qbrixproto.proxy_pb2_grpc import ProxyServiceServicer
from qbrixproto.proxy_pb2_grpc import ProxyServiceStub
from qbrixproto.proxy_pb2_grpc import add_ProxyServiceServicer_to_server
from qbrixserving.registration import Handler
from qbrixserving.registration import Methods
from qbrixserving.registration import Wrap
from qbrixserving.server import serve_grpc

PROXY = "qbrix.proxy.ProxyService"


class Servicer(ProxyServiceServicer):  # type: ignore[misc]
    """Generated code, with one method of its own."""

    async def Health(self, request: Any, context: Any) -> HealthCheckResponse:
        return HealthCheckResponse(status=HealthCheckResponse.SERVING)


def generated(methods: Methods) -> None:
    add_ProxyServiceServicer_to_server(Servicer(), methods)


def none(methods: Methods) -> None:
    """A server of health and reflection alone."""


def labelled(label: str, wrapped: list[str]) -> Wrap:
    """Puts a letter in front of every answer."""

    def wrap(name: str, handler: Handler) -> Handler:
        wrapped.append(f"{label} {name}")
        method: Any = handler.unary_unary

        async def answer(request: bytes, context: Any) -> Any:
            return label.encode() + await method(request, context)

        return grpc.unary_unary_rpc_method_handler(answer)

    return wrap


async def test_generated_code_adds_its_service() -> None:
    async with serve_grpc("127.0.0.1", 0, [PROXY], generated) as served:
        async with connect(served.port) as channel:
            stub = ProxyServiceStub(channel)
            answer = await stub.Health(HealthCheckRequest())
            assert answer.status == HealthCheckResponse.SERVING
            with pytest.raises(grpc.aio.AioRpcError) as raised:
                await channel.unary_unary(f"/{PROXY}/Forget")(b"")
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_waiting_for_a_call_takes_no_more_where_there_are_many_methods() -> None:
    """A task for each method would be gone through for every call."""
    waiting = []
    for register in (none, generated):
        before = len(asyncio.all_tasks())
        async with serve_grpc("127.0.0.1", 0, [PROXY], register):
            waiting.append(len(asyncio.all_tasks()) - before)
    assert waiting[0] == waiting[1]


async def test_each_method_is_wrapped_once_and_the_first_wrap_is_outermost() -> None:
    async def echo(request: bytes, context: Any) -> bytes:
        return request

    def register(methods: Methods) -> None:
        for name in ("unary_unary", "other"):
            handlers = {name: grpc.unary_unary_rpc_method_handler(echo)}
            generic = grpc.method_handlers_generic_handler(SERVICE, handlers)
            methods.add_generic_rpc_handlers((generic,))

    wrapped: list[str] = []
    wraps = (labelled("a", wrapped), labelled("b", wrapped))
    async with serve_grpc("127.0.0.1", 0, [SERVICE], register, wraps=wraps) as served:
        async with connect(served.port) as channel:
            for _ in range(3):
                assert await call(channel, "unary_unary", b"c") == b"abc"
            assert await channel.unary_unary(f"/{SERVICE}/other")(b"d") == b"abd"
    assert wrapped == [
        f"{label} /{SERVICE}/{name}"
        for name in ("unary_unary", "other")
        for label in ("b", "a")
    ]
