"""Errors as statuses and request ids, for every kind of gRPC method."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import aclosing
from time import perf_counter
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

import grpc

from qbrixcore.errors import Invalid
from qbrixcore.errors import QbrixError
from qbrixlog import choose_request_id
from qbrixlog import get_logger
from qbrixlog import request_context
from qbrixserving.errors import grpc_status
from qbrixserving.errors import retry_after
from qbrixserving.holding import Hold
from qbrixserving.metrics.calls import Call

logger = get_logger(__name__)

REQUEST_ID: Final = "x-request-id"
UNREADABLE: Final = "the message cannot be decoded"
Context = grpc.aio.ServicerContext[Any, Any]
Method = Callable[[Any, Context], Any]
Meter = Callable[[str], Call | None]  # by the name of a method
CODES: Final = tuple(code.name for code in grpc.StatusCode)
OURS: Final = frozenset(
    {
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
    }
)


if TYPE_CHECKING:
    Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    Interceptor = grpc.aio.ServerInterceptor


class CallGuard(Interceptor):
    """Answers errors raised on purpose with their status, any other with INTERNAL.

    Without it grpc answers UNKNOWN and shows the exception to the caller, also for a
    message that does not decode, which is INVALID_ARGUMENT here. Every call
    runs in a request context; its id is in the trailing metadata of every answer.
    """

    def __init__(self, meter: Meter | None = None, hold: Hold | None = None) -> None:
        """``meter`` has what counts the calls of a method; a stream is no call.

        ``hold`` may keep answers back, but not those of streams.
        """
        self._meter = meter
        self._hold = hold
        self._guarded: dict[str, tuple[Any, Any]] = {}

    async def intercept_service(self, continuation: Any, details: Any) -> Any:
        """The method's handler, guarded."""
        handler = await continuation(details)
        if handler is None:
            return None
        known, guarded = self._guarded.get(details.method, (None, None))
        if known is not handler:
            guarded = _guard(handler, details.method, self._meter, self._hold)
            self._guarded[details.method] = (handler, guarded)
        return guarded


def _guard(handler: Any, name: str, meter: Meter | None, hold: Hold | None) -> Any:
    kind = "_".join(
        "stream" if streaming else "unary"
        for streaming in (handler.request_streaming, handler.response_streaming)
    )
    method = getattr(handler, kind)
    if handler.response_streaming:
        guarded = _streaming(method, name)
    else:
        guarded = _single(method, name, None if meter is None else meter(name), hold)
    build = getattr(grpc, f"{kind}_rpc_method_handler")
    return build(
        guarded,
        _reading(handler),
        handler.response_serializer,
    )


def _reading(handler: Any) -> Callable[[bytes], Any] | None:
    """The method's deserializer: what fails in it reaches the guard.

    A stream reads inside the method, a single request is read before it.
    """
    read = handler.request_deserializer
    if read is None:
        return None

    def read_or_refuse(message: bytes) -> Any:
        try:
            return read(message)
        except Exception as error:
            refused = Invalid(UNREADABLE)
            if handler.request_streaming:
                raise refused from error
            return refused

    return read_or_refuse


async def _refuse(refused: Invalid) -> None:
    raise refused


def _single(
    method: Method, name: str, meter: Call | None, hold: Hold | None
) -> Callable[[Any, Context], Awaitable[Any]]:
    async def answer(request: Any, context: Context) -> Any:
        def call() -> Any:
            refused = isinstance(request, Invalid)
            return _refuse(request) if refused else method(request, context)

        return await _guarded(call, context, name, meter, hold)

    return answer


def _streaming(method: Method, name: str) -> Callable[[Any, Context], Awaitable[None]]:
    async def answer(request: Any, context: Context) -> None:
        async def run() -> None:
            if isinstance(request, Invalid):
                raise request
            made = method(request, context)
            if inspect.isasyncgen(made):
                await _write_all(made, context)
            else:
                await made

        await _guarded(run, context, name)

    return answer


async def _write_all(messages: AsyncIterator[Any], context: Context) -> None:
    async with aclosing(messages):  # type: ignore[type-var]
        async for message in messages:
            await context.write(message)


async def _guarded(
    call: Callable[[], Awaitable[Any]],
    context: Context,
    name: str,
    meter: Call | None = None,
    hold: Hold | None = None,
) -> Any:
    began = perf_counter()
    if hold is not None:
        hold.last = began
    given = dict(context.invocation_metadata() or ()).get(REQUEST_ID)
    with request_context(choose_request_id(given)) as request_id:
        mark = (REQUEST_ID, request_id)
        try:
            answer = await call()
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            if not isinstance(error, QbrixError):
                logger.exception("unexpected error in %s", name)
            if meter is not None:
                status = grpc_status(error)[0]
                meter.error(began, status.name, ours=status in OURS)
            if hold is not None and hold.on:
                await hold.over()
            await _abort(error, context, mark)
        context.set_trailing_metadata((*(context.trailing_metadata() or ()), mark))
        if meter is not None:
            meter.ok(began)
        if hold is not None and hold.on:
            await hold.over()
        return answer


async def _abort(error: Exception, context: Context, mark: tuple[str, str]) -> None:
    seconds = retry_after(error)
    trailers = (mark,) if seconds is None else (mark, ("retry-after", str(seconds)))
    await context.abort(*grpc_status(error), trailing_metadata=trailers)
