"""Calls from pages of other origins (Fetch standard, "CORS protocol")."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from proxysvc.asgi import ASGIApp
from proxysvc.asgi import Header
from proxysvc.asgi import Message
from proxysvc.asgi import Receive
from proxysvc.asgi import Scope
from proxysvc.asgi import Send
from proxysvc.asgi import header
from proxysvc.fast.answers import Field
from proxysvc.origins import ANY

VARY: Final[Field] = ("vary", "Origin")
_VARY: Final = header(VARY)
_SHOWN: Final[Header] = (
    b"access-control-expose-headers",
    b"x-request-id, x-param-version, retry-after",
)
_PREFLIGHT: Final[tuple[Header, ...]] = (
    (b"access-control-allow-methods", b"GET, POST, PUT, PATCH, DELETE, OPTIONS"),
    (
        b"access-control-allow-headers",
        b"X-API-Key, Content-Type, Accept, Authorization, X-Request-Id",
    ),
    (b"access-control-max-age", b"600"),
)


def with_cors(inner: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """``inner`` for pages of these origins too; itself when there are none.

    Preflights are answered here, for every path and without credentials. Cookies are
    never asked for: a key is a header.
    """
    if not origins:
        return inner
    known = frozenset(origin.encode() for origin in origins if origin != ANY)
    anybody = ANY in origins

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"]) if scope["type"] == "http" else {}
        origin = headers.get(b"origin")
        if origin is None or not (anybody or origin in known):
            await inner(scope, receive, _adding(send, (_VARY,)))
            return
        allowed = (b"access-control-allow-origin", b"*" if anybody else origin)
        asks = b"access-control-request-method" in headers
        if asks and scope["method"] == "OPTIONS":
            given = [allowed, _VARY, *_PREFLIGHT]
            await send({"type": "http.response.start", "status": 204, "headers": given})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, _adding(send, (allowed, _VARY, _SHOWN)))

    return app


def _adding(send: Send, more: tuple[Header, ...]) -> Send:
    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *more]
        await send(message)

    return send_more
