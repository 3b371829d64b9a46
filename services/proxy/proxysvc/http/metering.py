"""Counting the calls of ordinary routes."""

from __future__ import annotations

from time import perf_counter
from typing import Final

import msgspec

from proxysvc.asgi import ASGIApp
from proxysvc.asgi import Message
from proxysvc.asgi import Receive
from proxysvc.asgi import Scope
from proxysvc.asgi import Send
from proxysvc.fast.answers import Envelope
from proxysvc.metrics import UNPROCESSABLE
from proxysvc.metrics import ProxyMetrics
from qbrixserving.errors import Code

_envelope: Final = msgspec.json.Decoder(Envelope).decode


def metered(inner: ASGIApp, metrics: ProxyMetrics) -> ASGIApp:
    """``inner``, each of its answers counted."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await inner(scope, receive, send)
            return
        began = perf_counter()
        status, code = 500, str(Code.INTERNAL_ERROR)

        async def send_noted(message: Message) -> None:
            nonlocal status, code
            if message["type"] == "http.response.start":
                status = message["status"]
            elif status >= 400 and message.get("body"):
                code = _code(status, message["body"])
            await send(message)

        try:
            await inner(scope, receive, send_noted)
        finally:
            call = metrics.area(scope["path"])
            if status < 400:
                call.ok(began)
            else:
                call.error(began, code, ours=status >= 500)

    return app


def _code(status: int, body: bytes) -> str:
    if status == 422:
        return UNPROCESSABLE
    try:
        return _envelope(body).code
    except msgspec.MsgspecError:
        # how ready it is, which is no envelope
        return Code.SERVICE_UNAVAILABLE if status == 503 else Code.BAD_REQUEST
