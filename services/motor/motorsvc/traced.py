"""A select stream whose selects are spans, as far as they belong to a trace."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from opentelemetry.trace import SpanKind

from motorsvc.conversation import Conversation
from motorsvc.metrics import MotorMetrics
from motorsvc.selector import Selector
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import SelectFrame
from qbrixproto.motor_pb2 import SelectGroup
from qbrixserving.tracing.tracer import Tracer

SPAN = "select"


class TracedConversation(Conversation):
    """Records a span for each select that came with a traceparent."""

    def __init__(
        self, context: Any, selector: Selector, metrics: MotorMetrics, tracer: Tracer
    ) -> None:
        super().__init__(context, selector, metrics)
        self._tracer = tracer

    def _answer(self, frame: SelectFrame, answers: AnswerFrame) -> None:
        began = time.time_ns()
        super()._answer(frame, answers)
        if any(group.traceparents for group in frame.groups):
            # those with no answer yet are cold
            answered = {seq for group in answers.groups for seq in group.seqs}
            for group in frame.groups:
                pairs = zip(group.seqs, group.traceparents, strict=False)
                warm = [parent for seq, parent in pairs if seq in answered]
                self._record(group, warm, began, "warm")

    async def _catch_up(self, group: SelectGroup, arrived: float) -> None:
        began = time.time_ns()
        await super()._catch_up(group, arrived)
        self._record(group, group.traceparents, began, "cold")

    def _record(
        self, group: SelectGroup, parents: Iterable[str], began: int, way: str
    ) -> None:
        self._tracer.record(
            SPAN,
            SpanKind.SERVER,
            parents,
            began,
            time.time_ns(),
            {
                "qbrix.experiment_id": group.experiment_id,
                "qbrix.group_size": len(group.seqs),
                "qbrix.way": way,
            },
        )
