"""The words of ASGI, in which all routes but the hot path are written."""

from __future__ import annotations

from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import MutableMapping
from typing import Any
from typing import Final

from proxysvc.fast import answers
from proxysvc.fast.answers import Answer
from proxysvc.fast.answers import Field

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Header = tuple[bytes, bytes]


def header(field: Field) -> Header:
    """A header field as ASGI has it."""
    name, value = field
    return name.encode(), value.encode()


CLOSE: Final = header(answers.CLOSE)


def fields_of(scope: Scope) -> dict[str, str]:
    """The header fields of a request, the first of each name."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in reversed(scope["headers"])
    }


async def sent(send: Send, answer: Answer) -> None:
    """One complete answer."""
    status, body, fields = answer
    headers = [header(field) for field in fields]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
