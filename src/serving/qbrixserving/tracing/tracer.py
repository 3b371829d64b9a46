"""Spans made, tied together by W3C traceparents, and sent by OTLP.

Format of a traceparent: W3C Trace Context, level 1, section 3.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from typing import Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Span
from opentelemetry.trace import SpanKind
from opentelemetry.trace import Status
from opentelemetry.trace import StatusCode
from opentelemetry.trace import get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from qbrixserving.tracing.settings import TracingSettings

Nanoseconds = int  # since 1970
Attributes = Mapping[str, str | int | float | bool]

HEADER: Final = "traceparent"
PATIENCE: Final = 2.0  # seconds that one attempt to send may take
_W3C: Final = TraceContextTextMapPropagator()


class Tracer:
    """Makes the spans of one process; a thread of its own sends them.

    A request with a traceparent is traced if that says so, others by the ratio.
    Spans that cannot be sent are dropped and logged, never waited for.
    """

    def __init__(self, settings: TracingSettings, service: str) -> None:
        self.provider = TracerProvider(
            sampler=ParentBased(TraceIdRatioBased(settings.ratio)),
            resource=Resource.create({SERVICE_NAME: service}),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(settings.endpoint, timeout=PATIENCE)
        self.provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self.provider.get_tracer("qbrix")

    def close(self) -> None:
        """Send what waits; blocks until that is done or given up."""
        self.provider.shutdown()

    def begin(self, name: str, attributes: Attributes) -> Span | None:
        """A call of another service from within the current span, if that is traced."""
        if not get_current_span().is_recording():
            return None
        return self._tracer.start_span(
            name, kind=SpanKind.CLIENT, attributes=dict(attributes)
        )

    def current(self) -> str:
        """The traceparent of the current span, "" unless it is traced."""
        return parent_of(get_current_span())

    def record(
        self,
        name: str,
        kind: SpanKind,
        parents: Iterable[str],
        began: Nanoseconds,
        ended: Nanoseconds,
        attributes: Attributes,
    ) -> None:
        """One span for each of ``parents`` that is a traceparent, as seen from here."""
        for parent in parents:
            if not parent:
                continue
            self._tracer.start_span(
                name,
                context=_W3C.extract({HEADER: parent}),
                kind=kind,
                attributes=dict(attributes),
                start_time=began,
            ).end(ended)


def parent_of(span: Span) -> str:
    """The traceparent that makes a span a parent elsewhere, "" unless it is traced."""
    context = span.get_span_context()
    if not (context.is_valid and context.trace_flags.sampled):
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-01"


def failed(span: Span, error: BaseException) -> None:
    """Say of a span that it ended with an error."""
    span.set_status(Status(StatusCode.ERROR, type(error).__name__))
