"""Selects whose way to a motor and back is a span."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from opentelemetry.trace import Span

from proxysvc.stream.bundle import Bundle
from proxysvc.stream.client import BEYOND
from proxysvc.stream.client import MotorClient
from proxysvc.stream.client import Seconds
from proxysvc.stream.frames import Choice
from qbrixcore.definition import Definition
from qbrixcore.errors import Overloaded
from qbrixcore.errors import QbrixError
from qbrixserving.tracing.tracer import Tracer
from qbrixserving.tracing.tracer import failed
from qbrixserving.tracing.tracer import parent_of

SPAN = "ask a motor"


class TracedMotorClient(MotorClient):
    """Tells the motor which trace a select belongs to."""

    def __init__(
        self,
        addresses: Sequence[str],
        max_in_flight: int,
        timeout: Seconds,
        tracer: Tracer,
    ) -> None:
        super().__init__(addresses, max_in_flight, timeout)
        self._tracer = tracer

    def select(
        self,
        definition: Definition,
        context_id: str,
        vector: bytes | None,
        trace_id: str = "",
        patience: Seconds | None = None,
        traceparent: str | None = None,
    ) -> asyncio.Future[Choice]:
        """The choice to come, within a span if the current request is traced."""
        span = self._tracer.begin(SPAN, {"qbrix.experiment_id": definition.experiment})
        parent = "" if span is None else parent_of(span)
        try:
            future = super().select(
                definition, context_id, vector, trace_id, patience, parent
            )
        except QbrixError as error:
            if span is not None:
                failed(span, error)
                span.end()
            raise
        if span is not None:
            future.add_done_callback(lambda done: _ended(span, done))
        return future

    def select_many(
        self,
        definition: Definition,
        context_ids: Sequence[str],
        vectors: Sequence[bytes] | None,
        trace_id: str = "",
        patience: Seconds | None = None,
        traceparents: Sequence[str] | None = None,
    ) -> list[Bundle]:
        """The choices to come, each within a span if the current request is traced."""
        about = {"qbrix.experiment_id": definition.experiment}
        spans = [self._tracer.begin(SPAN, about) for _ in context_ids]
        parents = ["" if span is None else parent_of(span) for span in spans]
        bundles = super().select_many(
            definition, context_ids, vectors, trace_id, patience, parents
        )
        start = 0
        for bundle in bundles:
            mine = spans[start : start + bundle.items]
            start += bundle.items
            bundle.future.add_done_callback(partial(_ended_many, bundle, mine))
        for span in spans[start:]:
            _end(span, Overloaded(BEYOND))
        return bundles


def _ended_many(
    bundle: Bundle, spans: Sequence[Span | None], answer: asyncio.Future[None]
) -> None:
    for part in bundle.parts:
        for place in part.places:
            span = spans[place]
            if span is not None:
                span.set_attribute("qbrix.param_version", part.version)
    for place, span in enumerate(spans):
        given_up = asyncio.CancelledError() if answer.cancelled() else None
        _end(span, bundle.failures.get(place, given_up))


def _end(span: Span | None, error: BaseException | None) -> None:
    if span is not None:
        if error is not None:
            failed(span, error)
        span.end()


def _ended(span: Span, answer: asyncio.Future[Choice]) -> None:
    if answer.cancelled():
        failed(span, asyncio.CancelledError())
    elif (error := answer.exception()) is not None:
        failed(span, error)
    else:
        span.set_attribute("qbrix.param_version", answer.result().version)
    span.end()
