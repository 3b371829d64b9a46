"""An ASGI application that shows what it is asked, behind Granian's RSGI."""

from __future__ import annotations

import json
from typing import Any

from proxysvc.asgi import Message
from proxysvc.asgi import Receive
from proxysvc.asgi import Scope
from proxysvc.asgi import Send
from proxysvc.bridge import bridged

SHOWN = ("type", "http_version", "method", "scheme", "path", "query_string", "headers")
START: Message = {
    "type": "http.response.start",
    "status": 200,
    "headers": [(b"x-one", b"1"), (b"x-one", b"2")],
}


async def show(scope: Scope, receive: Receive, send: Send) -> None:
    """The request as JSON, in one part or in many, or no answer at all."""
    if scope["path"] == "/silent":
        return
    messages = [await receive()]
    while messages[-1].get("more_body"):
        messages.append(await receive())
    shown: dict[str, Any] = {name: scope[name] for name in SHOWN}
    shown["client"] = scope["client"][0]
    shown["body"] = b"".join(message.get("body", b"") for message in messages)
    shown["end"] = messages[-1]["type"]
    text = json.dumps(shown, default=lambda value: value.decode("latin-1")).encode()
    await send(dict(START))
    if scope["path"] == "/parts":
        for start in range(0, len(text), 7):
            part = {"body": text[start : start + 7], "more_body": True}
            await send({"type": "http.response.body", **part})
        text = b""
    await send({"type": "http.response.body", "body": text})


app = bridged(show)
