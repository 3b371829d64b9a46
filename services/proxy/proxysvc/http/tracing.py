"""Every answer carries the id of its request; the logs of the request do too."""

from __future__ import annotations

from proxysvc.fast.answers import JSON
from proxysvc.fast.answers import Envelope
from proxysvc.fast.answers import Message
from proxysvc.fast.answers import Receive
from proxysvc.fast.answers import Scope
from proxysvc.fast.answers import Send
from proxysvc.fast.answers import encode
from proxysvc.fast.arrival import Arrivals
from proxysvc.http.body import whole
from proxysvc.lifespan import ASGIApp
from qbrixlog import choose_request_id
from qbrixlog import request_context
from qbrixserving.errors import Code


def traced(inner: ASGIApp, arrivals: Arrivals) -> ASGIApp:
    """``inner``, with ``x-request-id`` taken from the caller or made."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        with request_context(choose_request_id(given)) as request_id:
            mark = (b"x-request-id", request_id.encode())

            async def send_marked(message: Message) -> None:
                if message["type"] == "http.response.start":
                    message["headers"] = [*message.get("headers", ()), mark]
                await send(message)

            if scope["path"].endswith("/") and scope["path"] != "/":
                # an empty id: the router would take it for the collection
                await _send_not_found(send_marked)
                return
            await inner(scope, whole(receive, arrivals), send_marked)

    return app


async def _send_not_found(send: Send) -> None:
    body = encode(Envelope(Code.NOT_FOUND, "not found"))
    await send({"type": "http.response.start", "status": 404, "headers": [JSON]})
    await send({"type": "http.response.body", "body": body})
