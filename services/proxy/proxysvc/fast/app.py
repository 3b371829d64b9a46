"""Select and feedback, answered in front of the router.

They own what the framework does for other routes: method, body limits, decoding,
authentication, the error envelope and request ids. ``fast.direct`` and ``fast.behind``
are what servers call.
"""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from time import perf_counter
from typing import Final
from typing import NamedTuple
from typing import Protocol
from typing import TypeVar

import msgspec

from proxysvc.auth import Authenticator
from proxysvc.auth import bearer_of
from proxysvc.fast.answers import ALLOW_POST
from proxysvc.fast.answers import CLOSE
from proxysvc.fast.answers import JSON
from proxysvc.fast.answers import REQUEST_ID
from proxysvc.fast.answers import Answer
from proxysvc.fast.answers import encode
from proxysvc.fast.answers import failure
from proxysvc.fast.answers import refused
from proxysvc.fast.arrival import SLOW
from proxysvc.fast.arrival import Arrivals
from proxysvc.fast.arrival import TooSlow
from proxysvc.fast.batches import Batches
from proxysvc.fast.body import CUT_OFF
from proxysvc.fast.body import MAX_BYTES
from proxysvc.fast.body import NOT_JSON
from proxysvc.fast.body import UNREADABLE
from proxysvc.fast.body import Disconnected
from proxysvc.fast.body import Fields
from proxysvc.fast.body import Room
from proxysvc.fast.body import TooLarge
from proxysvc.fast.body import is_json
from proxysvc.fast.invalid import UNDECODABLE
from proxysvc.fast.invalid import refusal
from proxysvc.fast.wire import FeedbackReply
from proxysvc.fast.wire import FeedbackRequest
from proxysvc.fast.wire import SelectedArm
from proxysvc.fast.wire import SelectReply
from proxysvc.fast.wire import SelectRequest
from proxysvc.metrics import UNPROCESSABLE
from proxysvc.metrics import ProxyMetrics
from proxysvc.scopes import AGENT_READ
from proxysvc.scopes import AGENT_WRITE
from proxysvc.scopes import require
from proxysvc.selection import Selection
from qbrixcore.errors import QbrixError
from qbrixlog import choose_request_id
from qbrixlog import get_logger
from qbrixlog import request_context
from qbrixserving.errors import Code
from qbrixserving.errors import http_answer
from qbrixserving.metrics.calls import Call
from qbrixstore.postgres.principal import Principal

logger = get_logger(__name__)

SELECT: Final = "/api/v1/agent/select"
FEEDBACK: Final = "/api/v1/agent/feedback"
SELECT_BATCH: Final = f"{SELECT}:batch"
FEEDBACK_BATCH: Final = f"{FEEDBACK}:batch"

S = TypeVar("S")
# the body in a source. Raises TooLarge, Disconnected, Overloaded
Read = Callable[[S, Fields, Room], Awaitable[bytes]]

_select_request: Final = msgspec.json.Decoder(SelectRequest).decode
_feedback_request: Final = msgspec.json.Decoder(FeedbackRequest).decode
_ACCEPTED: Final[Answer] = (201, encode(FeedbackReply(True)), ())


class FastState(Protocol):
    """What the hot path needs of the running application."""

    @property
    def authenticator(self) -> Authenticator: ...

    @property
    def selection(self) -> Selection: ...


class Route(NamedTuple):
    """What answers the requests of a path, what they need, and what counts them."""

    needs: str
    answer: Callable[[Principal, bytes, str], Awaitable[Answer]]
    failed: Code
    call: Call


class FastPath:
    """Answers requests to its ``routes``, whatever server they come from."""

    def __init__(
        self,
        state: FastState,
        arrivals: Arrivals,
        calls: Mapping[str, Call] | None = None,
    ) -> None:
        """``calls`` count what is answered here."""
        if calls is None:
            calls = ProxyMetrics().http
        self._state = state
        self._arrivals = arrivals
        self._room = Room()
        batches = Batches(state.selection)
        read, write = AGENT_READ, AGENT_WRITE
        failed, internal = Code.SELECTION_FAILED, Code.INTERNAL_ERROR
        select, feedback = calls["select"], calls["feedback"]
        selects, feedbacks = calls["select_batch"], calls["feedback_batch"]
        self.routes: Final[Mapping[str, Route]] = {
            SELECT: Route(read, self._select, failed, select),
            FEEDBACK: Route(write, self._feedback, internal, feedback),
            SELECT_BATCH: Route(read, batches.select, failed, selects),
            FEEDBACK_BATCH: Route(write, batches.feedback, internal, feedbacks),
        }

    async def answer(
        self, path: str, method: str, fields: Fields, read: Read[S], source: S
    ) -> Answer:
        """Answer one request, its body still in ``source``."""
        route, known = self.routes[path], self._state.authenticator
        began = perf_counter()
        trace = choose_request_id(fields.get("x-request-id"))
        mark = (REQUEST_ID, trace)
        if method != "POST":
            _refused(route, began)
            return refused(405, f"method {method} is not allowed", mark, ALLOW_POST)
        if not is_json(fields):
            _refused(route, began)
            return refused(415, NOT_JSON, mark)
        try:
            key = _presented(fields)
            principal = known.cached(key) or await known.principal(key)
            require(principal, route.needs)
            arriving = read(source, fields, self._room)
            body = await self._arrivals.in_time(arriving)
            status, reply, more = await route.answer(principal, body, trace)
        except TooLarge:
            _refused(route, began)
            return refused(413, f"body over {MAX_BYTES} bytes", mark)
        except TooSlow:
            _refused(route, began)
            return refused(408, SLOW, mark, CLOSE)
        except Disconnected:
            # a client that is still there sent malformed chunks
            _refused(route, began)
            return refused(400, CUT_OFF, mark)
        except QbrixError as error:
            _failed(route, began, error)
            return failure(error, route.failed, mark)
        except Exception as error:
            with request_context(trace):
                logger.exception("unexpected error in %s", path)
            _failed(route, began, error)
            return failure(error, route.failed, mark)
        if status < 400:
            route.call.ok(began)
        else:
            route.call.error(began, UNPROCESSABLE, ours=False)
        return status, reply, (JSON, mark, *more)

    async def _select(self, principal: Principal, body: bytes, trace: str) -> Answer:
        try:
            request = _select_request(body)
        except UNDECODABLE as error:
            return refusal(error)
        context = request.context
        chosen = await self._state.selection.select(
            principal,
            request.experiment_id,
            context.id,
            context.vector,
            context.properties,
            trace,
            metadata=context.metadata,
        )
        arm = SelectedArm(chosen.arm.id, chosen.arm.name, chosen.index)
        reply = encode(SelectReply(arm, chosen.request_id, chosen.is_default))
        if chosen.param_version is None:
            return 200, reply, ()
        return 200, reply, (("x-param-version", str(chosen.param_version)),)

    async def _feedback(self, principal: Principal, body: bytes, trace: str) -> Answer:
        try:
            request = _feedback_request(body)
        except UNDECODABLE as error:
            return refusal(error)
        await self._state.selection.feedback(
            principal, request.request_id, request.reward
        )
        return _ACCEPTED


def _presented(fields: Fields) -> bytes | None:
    """``X-API-Key``, else a bearer token; None if there is neither."""
    key = fields.get("x-api-key")
    if key is not None:
        return key.encode()
    if "x-api-key" in fields:
        # no key looks like that
        return UNREADABLE
    authorization = fields.get("authorization")
    return None if authorization is None else bearer_of(authorization.encode())


def _refused(route: Route, began: float) -> None:
    route.call.error(began, Code.BAD_REQUEST, ours=False)


def _failed(route: Route, began: float, error: BaseException) -> None:
    status, code, _, _ = http_answer(error)
    route.call.error(began, route.failed if status == 500 else code, ours=status >= 500)
