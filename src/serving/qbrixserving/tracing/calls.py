"""Spans of gRPC calls."""

from __future__ import annotations

from typing import TYPE_CHECKING
from typing import Any
from typing import cast

import grpc
from opentelemetry.instrumentation.grpc import aio_server_interceptor
from opentelemetry.instrumentation.grpc import filters

from qbrixserving.tracing.tracer import Tracer

if TYPE_CHECKING:
    Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    Interceptor = grpc.aio.ServerInterceptor

_PROBES = filters.any_of(
    filters.health_check(), filters.service_prefix("grpc.reflection")
)


def call_spans(tracer: Tracer) -> Interceptor:
    """An interceptor that makes a span of each call but probes; the outermost one.

    Further in it would not see the statuses that errors are answered with.
    """
    but_probes = filters.negate(_PROBES)
    spans = aio_server_interceptor(tracer.provider, but_probes)  # type: ignore[no-untyped-call]
    return cast(Interceptor, spans)
