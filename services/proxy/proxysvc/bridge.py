"""An ASGI application as an RSGI one: all routes but the hot path come this way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from typing import Final

from proxysvc.asgi import ASGIApp
from proxysvc.asgi import Header
from proxysvc.asgi import Message
from proxysvc.asgi import Scope
from proxysvc.fast.body import UNREADABLE
from proxysvc.fast.body import Disconnected
from proxysvc.rsgi import Asked
from proxysvc.rsgi import Protocol
from proxysvc.rsgi import RSGIApp
from proxysvc.rsgi import parts

GONE: Final[Message] = {"type": "http.disconnect"}


def bridged(app: ASGIApp) -> RSGIApp:
    """``app`` as an RSGI application; it has been started and is stopped elsewhere."""

    async def answer(asked: Asked, protocol: Protocol) -> None:
        exchange = _Exchange(protocol, asked.headers)
        await app(scope_of(asked), exchange.receive, exchange.send)
        if not exchange.answered:
            raise RuntimeError("the application has not answered")

    return answer


def scope_of(asked: Asked) -> Scope:
    """The scope of a request (ASGI 3.0, HTTP 2.3); its path has no raw form."""
    version = asked.http_version
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": version if "." in version else f"{version}.0",
        "method": asked.method,
        "scheme": asked.scheme,
        "path": asked.path,
        "query_string": asked.query_string.encode("latin-1", "replace"),
        "root_path": "",
        "headers": _headers(asked.headers),
        "client": _address(asked.client),
        "server": _address(asked.server),
        "state": {},
        "extensions": {},
    }


class _Exchange:
    """One request and its answer, in the words of ASGI."""

    def __init__(self, protocol: Protocol, fields: Any) -> None:
        self._protocol = protocol
        self._parts: AsyncIterator[bytes] | None = parts(protocol, fields)
        self._start: Message = {}
        self._stream: Any = None
        self.answered = False

    async def receive(self) -> Message:
        """The next part of the body; behind the last, that the client is gone."""
        if self._parts is None:
            await self._protocol.client_disconnect()
            return GONE
        try:
            part = await anext(self._parts, None)
        except Disconnected:
            self._parts = None
            return GONE
        if part is None:
            self._parts = None
            return {"type": "http.request", "body": b"", "more_body": False}
        return {"type": "http.request", "body": part, "more_body": True}

    async def send(self, message: Message) -> None:
        """Take a part of the answer."""
        if message["type"] == "http.response.start":
            self._start = message
            return
        body, more = message.get("body", b""), message.get("more_body", False)
        status = self._start["status"]
        if self._stream is not None:
            await self._stream.send_bytes(body)
            if not more:
                # which ends the answer
                self._stream = None
        elif more:
            self._stream = self._protocol.response_stream(status, self._fields)
            await self._stream.send_bytes(body)
        else:
            self._protocol.response_bytes(status, self._fields, body)
        self.answered = not more

    @property
    def _fields(self) -> list[tuple[str, str]]:
        return [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in self._start.get("headers", ())
        ]


def _headers(fields: Any) -> list[Header]:
    given = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in fields.items()
    ]
    for name in fields.keys():
        if fields.get(name) is None:
            given.append((name.encode("latin-1"), UNREADABLE))
    return given


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)
