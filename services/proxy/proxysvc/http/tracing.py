"""Every answer carries the id of its request; the logs of the request do too."""

from __future__ import annotations

from proxysvc.fast.answers import Message
from proxysvc.fast.answers import Receive
from proxysvc.fast.answers import Scope
from proxysvc.fast.answers import Send
from proxysvc.http.body import uncut
from proxysvc.lifespan import ASGIApp
from qbrixlog import choose_request_id
from qbrixlog import request_context


def traced(inner: ASGIApp) -> ASGIApp:
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

            await inner(scope, uncut(receive), send_marked)

    return app
