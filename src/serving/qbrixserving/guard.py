"""Errors as statuses and request ids, for every kind of gRPC method."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import aclosing
from contextvars import ContextVar
from time import perf_counter
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
from qbrixserving.registration import Handler
from qbrixserving.registration import Wrap

logger = get_logger(__name__)

REQUEST_ID: Final = "x-request-id"
UNREADABLE: Final = "the message cannot be decoded"
Context = grpc.aio.ServicerContext[Any, Any]
Method = Callable[[Any, Context], Any]
Meter = Callable[[str], Call | None]  # by the name of a method
CODES: Final = tuple(code.name for code in grpc.StatusCode)
Metadata = Sequence[tuple[str, str | bytes]]
OURS: Final = frozenset(
    {
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNKNOWN,
    }
)


_metadata: ContextVar[Metadata] = ContextVar("metadata", default=())


def metadata() -> Metadata:
    """What the call being answered came with; grpc makes it anew each time."""
    return _metadata.get()


def guard(meter: Meter | None, hold: Hold) -> Wrap:
    """What answers errors raised on purpose with their status, others with INTERNAL.

    Without it grpc answers UNKNOWN and shows the exception to the caller, also for a
    message that does not decode, which is INVALID_ARGUMENT here. Every call
    runs in a request context; its id is in the trailing metadata of every answer.
    ``meter`` has what counts the calls of a method, ``hold`` may keep answers back;
    a stream is neither counted nor kept.
    """

    def wrap(name: str, handler: Handler) -> Handler:
        return _guarded(name, handler, meter, hold)

    return wrap


def _guarded(name: str, handler: Any, meter: Meter | None, hold: Hold) -> Handler:
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
    made: Handler = build(guarded, _reading(handler), handler.response_serializer)
    return made


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


def _single(method: Method, name: str, meter: Call | None, hold: Hold) -> Method:
    async def answer(request: Any, context: Context) -> Any:
        began = hold.last = perf_counter()
        with request_context(_request_id(context)) as request_id:
            mark = (REQUEST_ID, request_id)
            try:
                if isinstance(request, Invalid):
                    raise request
                made = await method(request, context)
            except grpc.aio.AbortError:
                raise
            except Exception as error:
                if meter is not None:
                    status = grpc_status(error)[0]
                    meter.error(began, status.name, ours=status in OURS)
                if hold.on:
                    await hold.over()
                await _abort(error, context, name, mark)
            trailers = context.trailing_metadata()
            context.set_trailing_metadata((*trailers, mark) if trailers else (mark,))
            if meter is not None:
                meter.ok(began)
            if hold.on:
                await hold.over()
            return made

    return answer


def _streaming(method: Method, name: str) -> Method:
    async def answer(request: Any, context: Context) -> None:
        with request_context(_request_id(context)) as request_id:
            mark = (REQUEST_ID, request_id)
            try:
                if isinstance(request, Invalid):
                    raise request
                made = method(request, context)
                if inspect.isasyncgen(made):
                    await _write_all(made, context)
                else:
                    await made
            except grpc.aio.AbortError:
                raise
            except Exception as error:
                await _abort(error, context, name, mark)
            context.set_trailing_metadata((*(context.trailing_metadata() or ()), mark))

    return answer


async def _write_all(messages: AsyncIterator[Any], context: Context) -> None:
    async with aclosing(messages):  # type: ignore[type-var]
        async for message in messages:
            await context.write(message)


def _request_id(context: Context) -> str:
    given: Metadata = tuple(context.invocation_metadata() or ())
    _metadata.set(given)
    chosen = dict(given).get(REQUEST_ID)
    return choose_request_id(chosen if isinstance(chosen, str) else None)


async def _abort(
    error: Exception, context: Context, name: str, mark: tuple[str, str]
) -> None:
    if not isinstance(error, QbrixError):
        logger.error("unexpected error in %s", name, exc_info=error)
    seconds = retry_after(error)
    trailers = (mark,) if seconds is None else (mark, ("retry-after", str(seconds)))
    await context.abort(*grpc_status(error), trailing_metadata=trailers)
