"""Every answer carries the id of its request; the logs of the request do too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from proxysvc.asgi import ASGIApp
from proxysvc.asgi import Header
from proxysvc.asgi import Message
from proxysvc.asgi import Receive
from proxysvc.asgi import Scope
from proxysvc.asgi import Send
from proxysvc.asgi import fields_of
from proxysvc.asgi import header
from proxysvc.asgi import sent
from proxysvc.fast.answers import REQUEST_ID
from proxysvc.fast.answers import Answer
from proxysvc.fast.answers import refused
from proxysvc.fast.arrival import Arrivals
from proxysvc.fast.body import NOT_JSON
from proxysvc.fast.body import Fields
from proxysvc.fast.body import is_json
from proxysvc.http.body import whole
from qbrixlog import choose_request_id
from qbrixlog import request_context
from qbrixserving.errors import Code

MOST_HEADER_BYTES: Final = 32 * 1024
# an answer is data: no page may embed it, and no browser may guess what it is
SECURITY: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
)
STRICT: Final[Header] = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'",
)
_POLICY: Final = STRICT[0]
_WITH_BODY: Final = frozenset({"POST", "PUT", "PATCH"})


def traced(inner: ASGIApp, arrivals: Arrivals) -> ASGIApp:
    """``inner``, with ``x-request-id`` taken from the caller or made."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        fields = fields_of(scope)
        with request_context(choose_request_id(fields.get(REQUEST_ID))) as request_id:
            mark = header((REQUEST_ID, request_id))

            async def send_marked(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = _secured(message.get("headers", ()), mark)
                await send(message)

            refusal = _refusal(scope, fields)
            if refusal is None:
                await inner(scope, whole(receive, arrivals), send_marked)
            else:
                await sent(send_marked, refusal)

    return app


def _secured(headers: Iterable[Header], mark: Header) -> list[Header]:
    given = [*headers, mark, *SECURITY]
    if not any(name == _POLICY for name, _ in given):
        given.append(STRICT)
    return given


def _refusal(scope: Scope, fields: Fields) -> Answer | None:
    """What no route needs to look at."""
    size = sum(len(name) + len(value) for name, value in scope["headers"])
    if size > MOST_HEADER_BYTES:
        return refused(431, f"headers over {MOST_HEADER_BYTES} bytes")
    if scope["path"].endswith("/") and scope["path"] != "/":
        # an empty id: the router would take it for the collection
        return refused(404, "not found", code=Code.NOT_FOUND)
    if scope["method"] in _WITH_BODY and not is_json(fields):
        return refused(415, NOT_JSON)
    return None
