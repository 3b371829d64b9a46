"""Select and feedback, answered in front of the router.

They own what the framework does for other routes: method, body limits, decoding,
authentication, the error envelope and request ids.
"""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from time import perf_counter
from typing import Final
from typing import NamedTuple
from typing import Protocol

import msgspec

from proxysvc.auth import Authenticator
from proxysvc.auth import presented_key
from proxysvc.fast.answers import ALLOW_POST
from proxysvc.fast.answers import CLOSE
from proxysvc.fast.answers import Answer
from proxysvc.fast.answers import Receive
from proxysvc.fast.answers import Scope
from proxysvc.fast.answers import Send
from proxysvc.fast.answers import encode
from proxysvc.fast.answers import send_error
from proxysvc.fast.answers import send_json
from proxysvc.fast.answers import send_refusal
from proxysvc.fast.arrival import SLOW
from proxysvc.fast.arrival import Arrivals
from proxysvc.fast.arrival import TooSlow
from proxysvc.fast.batches import Batches
from proxysvc.fast.body import CUT_OFF
from proxysvc.fast.body import MAX_BYTES
from proxysvc.fast.body import NOT_JSON
from proxysvc.fast.body import Disconnected
from proxysvc.fast.body import Room
from proxysvc.fast.body import TooLarge
from proxysvc.fast.body import is_json
from proxysvc.fast.body import read_body
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

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]

_select_request: Final = msgspec.json.Decoder(SelectRequest).decode
_feedback_request: Final = msgspec.json.Decoder(FeedbackRequest).decode
_ACCEPTED: Final[Answer] = (201, encode(FeedbackReply(True)), ())


class FastState(Protocol):
    """What the hot path needs of the running application."""

    @property
    def authenticator(self) -> Authenticator: ...

    @property
    def selection(self) -> Selection: ...


class _Route(NamedTuple):
    needs: str
    answer: Callable[[Principal, bytes, str], Awaitable[Answer]]
    failed: Code
    call: Call


class FastPath:
    """An ASGI application in front of ``inner``, which gets every other request."""

    def __init__(
        self,
        inner: ASGIApp,
        state: FastState,
        arrivals: Arrivals,
        calls: Mapping[str, Call] | None = None,
    ) -> None:
        """``calls`` count what is answered here."""
        if calls is None:
            calls = ProxyMetrics().http
        self._inner = inner
        self._state = state
        self._arrivals = arrivals
        self._room = Room()
        batches = Batches(state.selection)
        read, write = AGENT_READ, AGENT_WRITE
        failed, internal = Code.SELECTION_FAILED, Code.INTERNAL_ERROR
        select, feedback = calls["select"], calls["feedback"]
        selects, feedbacks = calls["select_batch"], calls["feedback_batch"]
        self._routes = {
            SELECT: _Route(read, self._select, failed, select),
            FEEDBACK: _Route(write, self._feedback, internal, feedback),
            SELECT_BATCH: _Route(read, batches.select, failed, selects),
            FEEDBACK_BATCH: _Route(write, batches.feedback, internal, feedbacks),
        }

    @property
    def paths(self) -> Iterable[str]:
        """What is answered here."""
        return self._routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = self._routes.get(scope["path"]) if scope["type"] == "http" else None
        if route is None:
            await self._inner(scope, receive, send)
            return
        began = perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        given = headers.get(b"x-request-id")
        trace = choose_request_id(None if given is None else given.decode("latin-1"))
        tag = trace.encode()
        if scope["method"] == "OPTIONS":
            await self._inner(scope, receive, send)
            return
        if scope["method"] != "POST":
            detail = f"method {scope['method']} is not allowed"
            _refused(route, began)
            await send_refusal(send, 405, detail, tag, ALLOW_POST)
            return
        if not is_json(headers):
            _refused(route, began)
            await send_refusal(send, 415, NOT_JSON, tag)
            return
        try:
            principal = await self._principal(scope, headers, route.needs)
            length = headers.get(b"content-length")
            arriving = read_body(receive, length, self._room)
            body = await self._arrivals.in_time(arriving)
            status, reply, more = await route.answer(principal, body, trace)
        except TooLarge:
            _refused(route, began)
            await send_refusal(send, 413, f"body over {MAX_BYTES} bytes", tag)
        except TooSlow:
            _refused(route, began)
            await send_refusal(send, 408, SLOW, tag, CLOSE)
        except Disconnected:
            # a client that is still there sent malformed chunks
            _refused(route, began)
            await send_refusal(send, 400, CUT_OFF, tag)
        except QbrixError as error:
            _failed(route, began, error)
            await send_error(send, error, tag, route.failed)
        except Exception as error:
            with request_context(trace):
                logger.exception("unexpected error in %s", scope["path"])
            _failed(route, began, error)
            await send_error(send, error, tag, route.failed)
        else:
            if status < 400:
                route.call.ok(began)
            else:
                route.call.error(began, UNPROCESSABLE, ours=False)
            await send_json(send, status, reply, tag, *more)

    async def _principal(
        self, scope: Scope, headers: dict[bytes, bytes], needed: str
    ) -> Principal:
        key = headers.get(b"x-api-key") or presented_key(scope["headers"])
        authenticator = self._state.authenticator
        principal = authenticator.cached(key)
        if principal is None:
            principal = await authenticator.principal(key)
        require(principal, needed)
        return principal

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
        version = str(chosen.param_version).encode()
        return 200, reply, ((b"x-param-version", version),)

    async def _feedback(self, principal: Principal, body: bytes, trace: str) -> Answer:
        try:
            request = _feedback_request(body)
        except UNDECODABLE as error:
            return refusal(error)
        await self._state.selection.feedback(
            principal, request.request_id, request.reward
        )
        return _ACCEPTED


def _refused(route: _Route, began: float) -> None:
    route.call.error(began, Code.BAD_REQUEST, ours=False)


def _failed(route: _Route, began: float, error: BaseException) -> None:
    status, code, _, _ = http_answer(error)
    route.call.error(began, route.failed if status == 500 else code, ours=status >= 500)
