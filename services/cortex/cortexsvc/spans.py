"""Rewards that belong to a trace, as spans from their batch to its commit."""

from __future__ import annotations

import time

from opentelemetry.trace import SpanKind

from cortexsvc.sorting import Sorted
from qbrixserving.tracing.tracer import Tracer

SPAN = "learn"


class Spans:
    """Records what became of rewards whose request was traced."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    def learned(self, began: int, batch: Sorted) -> None:
        """A batch is committed, on which work began at a time in nanoseconds."""
        ended = time.time_ns()
        for (_, experiment), group in batch.groups.items():
            self._tracer.record(
                SPAN,
                SpanKind.CONSUMER,
                [event.traceparent for event in group.events],
                began,
                ended,
                {
                    "qbrix.experiment_id": experiment,
                    "qbrix.batch_events": batch.batch.events,
                },
            )
