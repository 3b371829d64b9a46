"""Many selects or feedbacks in one request; what fails is told beside what does not."""

from __future__ import annotations

from typing import Final

import msgspec

from proxysvc.fast.answers import Answer
from proxysvc.fast.answers import encode
from proxysvc.fast.invalid import UNDECODABLE
from proxysvc.fast.invalid import refusal
from proxysvc.fast.wire import Failure
from proxysvc.fast.wire import FeedbackBatchReply
from proxysvc.fast.wire import FeedbackBatchRequest
from proxysvc.fast.wire import FeedbackResult
from proxysvc.fast.wire import SelectBatchReply
from proxysvc.fast.wire import SelectBatchRequest
from proxysvc.fast.wire import SelectedArm
from proxysvc.fast.wire import SelectResult
from proxysvc.selection import Selected
from proxysvc.selection import Selection
from qbrixcore.errors import QbrixError
from qbrixserving.errors import Code
from qbrixserving.errors import http_answer
from qbrixstore.postgres.principal import Principal

_select_request: Final = msgspec.json.Decoder(SelectBatchRequest).decode
_feedback_request: Final = msgspec.json.Decoder(FeedbackBatchRequest).decode
_ACCEPTED: Final = FeedbackResult(True)


class Batches:
    """Answers the batch forms of select and feedback."""

    def __init__(self, selection: Selection) -> None:
        self._selection = selection

    async def select(self, principal: Principal, body: bytes, trace: str) -> Answer:
        """A choice for each context. Raises ExperimentNotFound, Unavailable."""
        try:
            request = _select_request(body)
        except UNDECODABLE as error:
            return refusal(error)
        chosen = await self._selection.select_many(
            principal, request.experiment_id, request.contexts, trace
        )
        reply = SelectBatchReply([_select_result(one) for one in chosen])
        return 200, encode(reply), ()

    async def feedback(self, principal: Principal, body: bytes, trace: str) -> Answer:
        """Whether each feedback is in the log."""
        try:
            request = _feedback_request(body)
        except UNDECODABLE as error:
            return refusal(error)
        failures = await self._selection.feedback_many(principal, request.feedbacks)
        reply = FeedbackBatchReply([_feedback_result(error) for error in failures])
        return 200, encode(reply), ()


def _select_result(one: Selected | QbrixError) -> SelectResult:
    if isinstance(one, QbrixError):
        return SelectResult(error=_failure(one, Code.SELECTION_FAILED))
    arm = SelectedArm(one.arm.id, one.arm.name, one.index)
    return SelectResult(arm, one.request_id, one.is_default, one.param_version)


def _feedback_result(error: QbrixError | None) -> FeedbackResult:
    if error is None:
        return _ACCEPTED
    return FeedbackResult(False, _failure(error, Code.INTERNAL_ERROR))


def _failure(error: QbrixError, failed: Code) -> Failure:
    status, code, detail, context = http_answer(error)
    return Failure(status, failed if status == 500 else code, detail, context)
