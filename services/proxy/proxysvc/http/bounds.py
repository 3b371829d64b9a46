"""How much of the ordinary routes goes on at once, and for how long."""

from __future__ import annotations

import asyncio
from typing import Final
from typing import NamedTuple

from proxysvc.asgi import ASGIApp
from proxysvc.asgi import Message
from proxysvc.asgi import Receive
from proxysvc.asgi import Scope
from proxysvc.asgi import Send
from proxysvc.asgi import sent
from proxysvc.fast.answers import failure
from proxysvc.turns import Turns
from qbrixcore.errors import Overloaded
from qbrixcore.errors import QbrixError
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger

logger = get_logger(__name__)

# they tell whether a worker lives, above all when it has too much to do
ALWAYS: Final = frozenset({"/health", "/health/ready", "/info"})

Seconds = float


class Bounds(NamedTuple):
    """At most ``turns`` requests at once, none for longer than ``timeout``."""

    turns: Turns
    timeout: Seconds


def bounded(inner: ASGIApp, bounds: Bounds) -> ASGIApp:
    """``inner``, refusing what is too much at once, and ending what takes too long."""
    turns, timeout = bounds

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] in ALWAYS:
            await inner(scope, receive, send)
            return
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            with turns:
                async with asyncio.timeout(timeout):
                    await inner(scope, receive, send_noted)
        except (Overloaded, TimeoutError) as error:
            if started:
                raise
            await sent(send, failure(_told(error, scope["path"])))

    return app


def _told(error: Exception, path: str) -> QbrixError:
    if isinstance(error, QbrixError):
        return error
    logger.warning("gave up on %s: it took too long", path)
    return Unavailable("this took too long, and may or may not have been done")
