"""The gRPC server that every service runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from typing import Final
from typing import NamedTuple

import grpc

from qbrixlog import get_logger
from qbrixserving.guard import Meter
from qbrixserving.guard import guard
from qbrixserving.health import Health
from qbrixserving.holding import Hold
from qbrixserving.processes import CannotStart
from qbrixserving.registration import Methods
from qbrixserving.registration import Wrap

if TYPE_CHECKING:
    from qbrixserving.tracing.calls import Interceptor
    from qbrixserving.tracing.tracer import Tracer

logger = get_logger(__name__)

# published clients ping an idle connection every 30 s; unless both are set, grpc
# answers such pings with GOAWAY too_many_pings
_PINGS_ALLOWED: Final = (
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)
# a peer that vanished without a word is noticed within a minute and a half
_PINGS_SENT: Final = (
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
)


class GrpcOptions(NamedTuple):
    """How a server treats its connections."""

    reuse_port: bool = False
    max_message_bytes: int = 4 << 20
    max_request_bytes: int | None = None  # none: as any message
    max_concurrent_calls: int | None = None
    # grpc spreads the age of each connection by 10 % either way; None: no limit
    max_connection_age_sec: float | None = None
    grace_sec: float = 8.0


DEFAULTS: Final = GrpcOptions()


class Served(NamedTuple):
    """A running server: its real port and its readiness."""

    port: int
    health: Health


@asynccontextmanager
async def serve_grpc(
    host: str,
    port: int,
    services: Sequence[str],
    register: Callable[[Methods], None],
    *,
    options: GrpcOptions = DEFAULTS,
    wraps: Sequence[Wrap] = (),
    drain: Callable[[], None] | None = None,
    credentials: grpc.ServerCredentials | None = None,
    meter: Meter | None = None,
    tracer: Tracer | None = None,
) -> AsyncIterator[Served]:
    """A server for the duration of the block, port 0 being any free one.

    ``services`` are the full names of what ``register`` adds. Ready only after
    ``served.health.set_ready(True)``. On leaving it turns unready, takes no new calls,
    calls ``drain`` (for streams that would never end by themselves) and gives calls in
    flight ``grace_sec`` to finish. With ``credentials`` it speaks TLS. ``meter`` tells
    what counts the calls of a method, with a ``tracer`` calls are spans. ``wraps`` go
    around every method, inside of what answers errors, the first one outermost.
    Raises CannotStart when the port cannot be had.
    """
    hold = Hold()
    methods = Methods(guard(meter, hold), *wraps)
    server = grpc.aio.server(
        handlers=(methods,),
        interceptors=_spans(tracer),
        options=_arguments(options),
        maximum_concurrent_rpcs=options.max_concurrent_calls,
    )
    health = Health(services)
    register(methods)
    health.add_to(methods)
    bound = _bind(server, host, port, credentials)
    await server.start()
    logger.info("grpc listening on %s:%d", host, bound)
    try:
        yield Served(bound, health)
    finally:
        health.drain()
        await hold.quiet()
        stopping = asyncio.ensure_future(server.stop(options.grace_sec))
        if drain is not None:
            drain()
        await hold.release()
        await stopping
        logger.info("grpc stopped on %s:%d", host, bound)


def _spans(tracer: Tracer | None) -> tuple[Interceptor, ...]:
    if tracer is None:
        return ()
    from qbrixserving.tracing.calls import call_spans

    return (call_spans(tracer),)


def _arguments(options: GrpcOptions) -> list[tuple[str, int]]:
    arguments = [
        *_PINGS_ALLOWED,
        *_PINGS_SENT,
        ("grpc.so_reuseport", int(options.reuse_port)),
        (
            "grpc.max_receive_message_length",
            options.max_request_bytes or options.max_message_bytes,
        ),
        ("grpc.max_send_message_length", options.max_message_bytes),
    ]
    if options.max_connection_age_sec is not None:
        age = round(options.max_connection_age_sec * 1_000)
        grace = round(options.grace_sec * 1_000)
        arguments.append(("grpc.max_connection_age_ms", age))
        arguments.append(("grpc.max_connection_age_grace_ms", grace))
    return arguments


def _bind(
    server: grpc.aio.Server,
    host: str,
    port: int,
    credentials: grpc.ServerCredentials | None,
) -> int:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if credentials is not None:
            return server.add_secure_port(address, credentials)
        return server.add_insecure_port(address)
    except RuntimeError as error:
        text = (
            f"cannot listen on {address}: taken, not allowed or not ours; set another"
        )
        raise CannotStart(text) from error
