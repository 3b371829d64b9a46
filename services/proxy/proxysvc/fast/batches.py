"""Many selects or feedbacks in one request; what fails is told beside what does not."""

from __future__ import annotations

from collections.abc import Sequence
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
from proxysvc.fast.wire import SelectBatchRequest
from proxysvc.fast.wire import SelectedArm
from proxysvc.fast.wire import SelectResult
from proxysvc.selected import Selected
from proxysvc.selection import Selection
from qbrixcore.errors import QbrixError
from qbrixserving.errors import Code
from qbrixserving.errors import http_answer
from qbrixstore.postgres.principal import Principal

_select_request: Final = msgspec.json.Decoder(SelectBatchRequest).decode
_feedback_request: Final = msgspec.json.Decoder(FeedbackBatchRequest).decode
_NO_TOKEN: Final = '"request_id":""'
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
        return 200, _select_reply(chosen), ()

    async def feedback(self, principal: Principal, body: bytes, trace: str) -> Answer:
        """Whether each feedback is in the log."""
        try:
            request = _feedback_request(body)
        except UNDECODABLE as error:
            return refusal(error)
        failures = await self._selection.feedback_many(principal, request.feedbacks)
        reply = FeedbackBatchReply([_feedback_result(error) for error in failures])
        return 200, encode(reply), ()


def _select_reply(chosen: Sequence[Selected | QbrixError]) -> bytes:
    """``SelectBatchReply`` as JSON; what choices of one arm share is encoded once."""
    results: list[str] = []
    shared: dict[tuple[int, bool, int | None], tuple[str, str]] = {}
    for one in chosen:
        if isinstance(one, QbrixError) or one.request_id is None:
            results.append(encode(_select_result(one)).decode())
            continue
        key = one.index, one.is_default, one.param_version
        around = shared.get(key)
        if around is None:
            around = shared[key] = _around_token(one)
        # a token is base64url: there is nothing to escape
        results.append(one.request_id.join(around))
    return f'{{"results":[{",".join(results)}]}}'.encode()


def _around_token(one: Selected) -> tuple[str, str]:
    """A result before and after its token."""
    blank = encode(_select_result(msgspec.structs.replace(one, request_id="")))
    # quotes within a name are escaped, so this is the key itself
    start, key, end = blank.decode().partition(_NO_TOKEN)
    return f"{start}{key[:-1]}", f'"{end}'


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
