"""The shared gRPC server: ports, readiness, limits, and how it stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1 import health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha import reflection_pb2_grpc
from tests.serving.calls import SERVICE
from tests.serving.calls import call
from tests.serving.calls import connect
from tests.serving.calls import replies
from tests.serving.calls import serve
from tests.serving.calls import serving

from qbrixproto import common_pb2
from qbrixserving.processes import CannotStart
from qbrixserving.processes import port_is_free
from qbrixserving.server import GrpcOptions
from qbrixserving.server import serve_grpc

Status = health_pb2.HealthCheckResponse
WHOLE = health_pb2.HealthCheckRequest()


async def echo(request: bytes, context: Any) -> bytes:
    return request


METHODS = {"unary_unary": echo}


class Busy:
    """A method that waits until it may leave."""

    def __init__(self) -> None:
        self.entered, self.leave = asyncio.Event(), asyncio.Event()

    async def unary(self, request: bytes, context: Any) -> bytes:
        self.entered.set()
        await self.leave.wait()
        return b"finished"

    async def stream(self, request: bytes, context: Any) -> AsyncIterator[bytes]:
        yield await self.unary(request, context)


async def test_a_port_is_not_shared_by_accident() -> None:
    async with serving(METHODS) as (served, _):
        with pytest.raises(CannotStart, match=f"127.0.0.1:{served.port}: taken"):
            async with serving(METHODS, port=served.port):
                pass


async def test_a_port_is_shared_on_request() -> None:
    options = GrpcOptions(reuse_port=True)
    async with serving(METHODS, options=options) as (first, _):
        async with serving(METHODS, port=first.port, options=options) as (second, _):
            assert second.port == first.port


def has_ipv6() -> bool:
    try:
        return port_is_free("::1", 0)
    except OSError:
        return False


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
async def test_an_ipv6_address_needs_no_brackets() -> None:
    async with serve_grpc("::1", 0, [], lambda server: None) as served:
        async with grpc.aio.insecure_channel(f"[::1]:{served.port}") as channel:
            await channel.channel_ready()


async def test_it_is_ready_when_it_says_so() -> None:
    async with serving(METHODS) as (served, channel):
        check = health_pb2_grpc.HealthStub(channel).Check
        for name in ("", SERVICE):
            request = health_pb2.HealthCheckRequest(service=name)
            assert (await check(request)).status == Status.NOT_SERVING
            await served.health.set_ready(True)
            assert (await check(request)).status == Status.SERVING
            assert served.health.answer() == common_pb2.HealthCheckResponse(
                status=common_pb2.HealthCheckResponse.SERVING
            )
            await served.health.set_ready(False)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await check(health_pb2.HealthCheckRequest(service="other"))
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND


async def test_one_can_watch_it_become_ready() -> None:
    async with serving(METHODS) as (served, channel):
        stub = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        unknown = stub.Watch(health_pb2.HealthCheckRequest(service="other"))
        assert (await unknown.read()).status == Status.SERVICE_UNKNOWN
        seen = [(await watch.read()).status]
        for ready in (True, False, False, True):
            await served.health.set_ready(ready)
            if len(seen) < 3 or ready:
                seen.append((await watch.read()).status)
    told = [Status.NOT_SERVING, Status.SERVING, Status.NOT_SERVING, Status.SERVING]
    assert seen == told


async def test_it_lists_its_services() -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    async with serving(METHODS) as (_, channel):
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        [answer] = [reply async for reply in stub.ServerReflectionInfo(iter([request]))]
    names = {service.name for service in answer.list_services_response.service}
    assert names == {
        SERVICE,
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }


async def test_messages_are_bounded() -> None:
    options = GrpcOptions(max_message_bytes=1_000)
    async with serving(METHODS, options=options) as (_, channel):
        assert await call(channel, "unary_unary", b"x" * 900) == b"x" * 900
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(channel, "unary_unary", b"x" * 1_100)
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_calls_are_bounded() -> None:
    busy = Busy()
    options = GrpcOptions(max_concurrent_calls=1)
    async with serving({"unary_unary": busy.unary}, options=options) as (_, channel):
        first = call(channel, "unary_unary", b"")
        await busy.entered.wait()
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(channel, "unary_unary", b"")
        busy.leave.set()
        assert await first == b"finished"
    assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_old_connections_are_closed_and_calls_go_on() -> None:
    options = GrpcOptions(max_connection_age_sec=0.05)
    async with serving(METHODS, options=options) as (_, channel):
        assert await call(channel, "unary_unary", b"1") == b"1"
        async with asyncio.timeout(10):
            while channel.get_state() is grpc.ChannelConnectivity.READY:
                await channel.wait_for_state_change(grpc.ChannelConnectivity.READY)
        assert await call(channel, "unary_unary", b"2") == b"2"


async def test_calls_in_flight_finish_and_new_ones_are_refused() -> None:
    busy, draining = Busy(), asyncio.Event()
    async with AsyncExitStack() as stack:
        server = serve({"unary_unary": busy.unary}, drain=draining.set)
        served = await server.__aenter__()
        await served.health.set_ready(True)
        channel = await stack.enter_async_context(connect(served.port))
        watch = health_pb2_grpc.HealthStub(channel).Watch(WHOLE)
        assert (await watch.read()).status == Status.SERVING
        first = call(channel, "unary_unary", b"")
        await busy.entered.wait()

        stopping = asyncio.create_task(server.__aexit__(None, None, None))
        assert (await watch.read()).status == Status.NOT_SERVING
        assert await watch.read() is grpc.aio.EOF  # type: ignore[attr-defined]
        await draining.wait()
        late = await stack.enter_async_context(connect(served.port))
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(late, "unary_unary", b"")
        assert raised.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not stopping.done()

        busy.leave.set()
        assert await first == b"finished"
        await stopping


async def test_drain_lets_a_stream_end_by_itself() -> None:
    busy = Busy()
    server = serve({"unary_stream": busy.stream}, drain=busy.leave.set)
    served = await server.__aenter__()
    async with connect(served.port) as channel:
        started = call(channel, "unary_stream", b"")
        await busy.entered.wait()
        await server.__aexit__(None, None, None)
        assert await replies(started) == [b"finished"]


async def test_grace_is_bounded() -> None:
    busy = Busy()
    options = GrpcOptions(grace_sec=0.05)
    server = serve({"unary_unary": busy.unary}, options=options)
    served = await server.__aenter__()
    async with connect(served.port) as channel:
        started = call(channel, "unary_unary", b"")
        await busy.entered.wait()
        async with asyncio.timeout(10):
            await server.__aexit__(None, None, None)
        with pytest.raises(grpc.aio.AioRpcError):
            await started


async def test_callers_without_a_pause_are_not_cut_off_when_it_stops() -> None:
    """They see that nobody is there any more, never a call that was cancelled."""
    ends: list[grpc.StatusCode] = []

    async def caller(port: int, busy: asyncio.Semaphore) -> None:
        async with connect(port) as channel:
            try:
                while True:
                    assert await call(channel, "unary_unary", b"x") == b"x"
                    busy.release()
            except grpc.aio.AioRpcError as error:
                ends.append(error.code())

    for _ in range(3):
        busy = asyncio.Semaphore(0)
        async with asyncio.TaskGroup() as group, serve(METHODS) as served:
            for _ in range(8):
                group.create_task(caller(served.port, busy))
            for _ in range(100):
                await busy.acquire()
    assert ends == [grpc.StatusCode.UNAVAILABLE] * 24
