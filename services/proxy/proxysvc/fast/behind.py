"""The hot path as a part of an ASGI application, behind whatever wraps that."""

from __future__ import annotations

from proxysvc.asgi import ASGIApp
from proxysvc.asgi import Receive
from proxysvc.asgi import Scope
from proxysvc.asgi import Send
from proxysvc.asgi import fields_of
from proxysvc.asgi import sent
from proxysvc.fast.app import FastPath
from proxysvc.fast.body import read_body


def in_front_of(inner: ASGIApp, fast: FastPath) -> ASGIApp:
    """What ``fast`` answers, and ``inner`` for every other request."""
    paths = fast.routes

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        ours = scope["type"] == "http" and scope["path"] in paths
        if not ours or scope["method"] == "OPTIONS":
            await inner(scope, receive, send)
            return
        asked = scope["path"], scope["method"], fields_of(scope)
        await sent(send, await fast.answer(*asked, read_body, receive))

    return app
