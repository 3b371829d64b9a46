"""Errors and request ids of real calls of every kind."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from tests.serving.calls import KINDS
from tests.serving.calls import call
from tests.serving.calls import replies
from tests.serving.calls import serving
from tests.serving.calls import trailers

from qbrixcore.errors import ExperimentNotFound
from qbrixcore.errors import Overloaded
from qbrixlog import request_id
from qbrixserving.guard import metadata

every_kind = pytest.mark.parametrize("kind", KINDS)


def method(kind: str, error: BaseException | None = None) -> Any:
    """A method that says its request id, then fails if it is given an error."""

    async def single(request: Any, context: Any) -> bytes:
        if error is not None:
            raise error
        return request_id().encode()

    async def stream(request: Any, context: Any) -> AsyncIterator[bytes]:
        yield request_id().encode()
        if error is not None:
            raise error

    return {kind: stream if kind.endswith("stream") else single}


@every_kind
async def test_an_error_raised_on_purpose_is_its_status(kind: str) -> None:
    error = ExperimentNotFound("no experiment e1")
    async with serving(method(kind, error)) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await replies(call(channel, kind, b""))
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND
    assert raised.value.details() == "no experiment e1"


@every_kind
async def test_any_other_error_is_logged_and_not_shown(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(method(kind, KeyError("secret"))) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await replies(call(channel, kind, b""))
    assert raised.value.code() is grpc.StatusCode.INTERNAL
    assert raised.value.details() == "internal error"
    assert "secret" not in str(raised.value.trailing_metadata())
    [record] = [r for r in caplog.records if r.levelno >= logging.ERROR]
    assert record.getMessage() == f"unexpected error in /test.Service/{kind}"
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], KeyError)


@every_kind
async def test_a_message_that_does_not_decode_is_the_callers_fault(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def single(request: Any, context: Any) -> bytes:
        if kind.startswith("stream"):
            request = [one async for one in request]
        return repr(request).encode()

    async def stream(request: Any, context: Any) -> AsyncIterator[bytes]:
        yield await single(request, context)

    methods = {kind: stream if kind.endswith("stream") else single}
    async with serving(methods, read=bytes.decode) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await replies(call(channel, kind, b"\xff"))
        assert await replies(call(channel, kind, b"text"))
    assert raised.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert raised.value.details() == "the message cannot be decoded"
    assert not [r for r in caplog.records if r.levelno >= logging.ERROR]


async def test_what_was_sent_before_an_error_arrives() -> None:
    kind = "unary_stream"
    async with serving(method(kind, Overloaded())) as (_, channel):
        started = call(channel, kind, b"")
        assert len(await started.read()) == 32
        with pytest.raises(grpc.aio.AioRpcError):
            await started.read()
        assert await started.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@every_kind
async def test_the_overloaded_say_when_to_come_again(kind: str) -> None:
    error = Overloaded(retry_after=4)
    async with serving(method(kind, error)) as (_, channel):
        started = call(channel, kind, b"")
        with pytest.raises(grpc.aio.AioRpcError):
            await replies(started)
        assert (await trailers(started))["retry-after"] == "4"


@every_kind
async def test_a_callers_request_id_is_used_and_returned(kind: str) -> None:
    async with serving(method(kind)) as (_, channel):
        started = call(channel, kind, b"", metadata=(("x-request-id", "req-1"),))
        assert await replies(started) == [b"req-1"]
        assert (await trailers(started))["x-request-id"] == "req-1"


@every_kind
@pytest.mark.parametrize("given", [(), (("x-request-id", "not visible"),)])
async def test_otherwise_one_is_made(kind: str, given: tuple[Any, ...]) -> None:
    async with serving(method(kind)) as (_, channel):
        started = call(channel, kind, b"", metadata=given)
        [used] = await replies(started)
        assert len(used) == 32
        assert (await trailers(started))["x-request-id"] == used.decode()


@every_kind
async def test_an_error_carries_the_request_id(kind: str) -> None:
    async with serving(method(kind, ExperimentNotFound())) as (_, channel):
        started = call(channel, kind, b"", metadata=(("x-request-id", "req-1"),))
        with pytest.raises(grpc.aio.AioRpcError):
            await replies(started)
        assert (await trailers(started))["x-request-id"] == "req-1"


async def test_a_methods_own_trailers_and_aborts_stand() -> None:
    async def single(request: bytes, context: Any) -> bytes:
        context.set_trailing_metadata((("x-param-version", "7"),))
        if request == b"abort":
            await context.abort(grpc.StatusCode.OUT_OF_RANGE, "mine")
        return b""

    async with serving({"unary_unary": single}) as (_, channel):
        started = call(channel, "unary_unary", b"")
        await started
        found = await trailers(started)
        assert (found["x-param-version"], len(found["x-request-id"])) == ("7", 32)
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(channel, "unary_unary", b"abort")
    assert raised.value.code() is grpc.StatusCode.OUT_OF_RANGE
    assert raised.value.details() == "mine"


async def test_a_stream_method_may_write_by_itself() -> None:
    async def stream(requests: AsyncIterator[bytes], context: Any) -> None:
        async for request in requests:
            await context.write(request + request)
        raise Overloaded

    async with serving({"stream_stream": stream}) as (_, channel):
        started = call(channel, "stream_stream", b"a", b"b")
        assert [await started.read(), await started.read()] == [b"aa", b"bb"]
        with pytest.raises(grpc.aio.AioRpcError):
            await started.read()
        assert await started.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_a_caller_that_goes_away_ends_the_generator() -> None:
    ended = asyncio.Event()

    async def stream(request: bytes, context: Any) -> AsyncIterator[bytes]:
        try:
            yield b"first"
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with serving({"unary_stream": stream}) as (_, channel):
        started = call(channel, "unary_stream", b"")
        assert await started.read() == b"first"
        started.cancel()
        async with asyncio.timeout(10):
            await ended.wait()


async def test_an_unknown_method_stays_unimplemented() -> None:
    async with serving({}) as (_, channel):
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await call(channel, "unary_unary", b"")
    assert raised.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_calls_do_not_see_each_others_ids() -> None:
    together = asyncio.Barrier(20)

    async def single(request: bytes, context: Any) -> bytes:
        await together.wait()
        return request_id().encode()

    async with serving({"unary_unary": single}) as (_, channel):
        ids = [f"req-{n}" for n in range(20)]
        started = [
            call(channel, "unary_unary", b"", metadata=(("x-request-id", one),))
            for one in ids
        ]
        assert [(await one).decode() for one in started] == ids


@every_kind
async def test_a_call_has_its_own_metadata(kind: str) -> None:
    together = asyncio.Barrier(2)

    async def single(request: Any, context: Any) -> bytes:
        await together.wait()
        return repr([value for name, value in metadata() if name == "who"]).encode()

    async def stream(request: Any, context: Any) -> AsyncIterator[bytes]:
        yield await single(request, context)

    methods = {kind: stream if kind.endswith("stream") else single}
    async with serving(methods) as (_, channel):
        given = [(("who", "a"), ("who", "b")), (("other", "c"),)]
        started = [
            asyncio.create_task(replies(call(channel, kind, b"", metadata=one)))
            for one in given
        ]
        assert await asyncio.gather(*started) == [[b"['a', 'b']"], [b"[]"]]
