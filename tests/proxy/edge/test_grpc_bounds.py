"""gRPC calls are bounded and timed like their REST counterparts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc
import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.proxy.grpc_calls import calls_to
from tests.proxy.grpc_calls import refused
from tests.proxy.people import Person

from proxysvc.app import Worker
from proxysvc.app import proxy
from proxysvc.fast.body import MAX_BYTES
from proxysvc.settings import ProxySettings
from qbrixproto.common_pb2 import HealthCheckRequest
from qbrixproto.proxy_pb2 import ListPoolsRequest
from qbrixproto.proxy_pb2 import SelectRequest


@pytest.fixture
async def worker(settings: ProxySettings) -> AsyncIterator[Worker]:
    """Two calls of the control plane at once, for half a second each."""
    settings = msgspec.structs.replace(
        settings, max_control_in_flight=2, control_timeout_ms=500
    )
    async with proxy(settings) as worker:
        yield worker


async def test_too_much_at_once_is_refused_and_nothing_waits_for_ever(
    worker: Worker, engine: AsyncEngine, admin: Person
) -> None:
    """Transactions that a lock holds up are as slow as calls get."""
    async with calls_to(worker, admin.key) as calls:
        await calls.ListPools(ListPoolsRequest())
        async with engine.begin() as session:
            await session.execute(text("LOCK TABLE pool IN ACCESS EXCLUSIVE MODE"))
            held = [
                asyncio.ensure_future(calls.ListPools(ListPoolsRequest()))
                for _ in range(2)
            ]
            await asyncio.sleep(0.1)
            with pytest.raises(grpc.aio.AioRpcError) as over:
                await calls.ListPools(ListPoolsRequest())
            assert over.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            trailers = dict(over.value.trailing_metadata() or ())
            assert trailers["retry-after"] == "1"
            assert trailers["x-request-id"]
            # neither health nor selection takes a turn of theirs
            await calls.Health(HealthCheckRequest())
            with pytest.raises(grpc.aio.AioRpcError) as unknown:
                await calls.Select(SelectRequest(experiment_id="none"))
            assert unknown.value.code() is grpc.StatusCode.NOT_FOUND
            for call in held:
                with pytest.raises(grpc.aio.AioRpcError) as late:
                    await call
                assert late.value.code() is grpc.StatusCode.UNAVAILABLE
                assert "took too long" in (late.value.details() or "")
        await calls.ListPools(ListPoolsRequest())


async def test_a_request_is_no_larger_than_over_rest(
    worker: Worker, admin: Person
) -> None:
    async with calls_to(worker, admin.key) as calls:
        for size, answer in (
            (MAX_BYTES - 100, grpc.StatusCode.NOT_FOUND),
            (MAX_BYTES + 1, grpc.StatusCode.RESOURCE_EXHAUSTED),
        ):
            select = SelectRequest(experiment_id="none", context={"id": "x" * size})
            assert (await refused(calls.Select(select)))[0] is answer
