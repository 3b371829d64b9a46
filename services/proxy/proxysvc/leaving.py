"""How a worker takes its leave: what is already on its way is still answered.

A server that is told to stop closes idle connections at once, and a request that
crosses that on the wire is lost. So for a moment before it, every answer asks the
client to open another connection, and the worker says that it is no longer ready.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from typing import Final

from proxysvc.asgi import CLOSE
from proxysvc.asgi import ASGIApp
from proxysvc.asgi import Message
from proxysvc.asgi import Receive
from proxysvc.asgi import Scope
from proxysvc.asgi import Send

LINGER_SEC: Final = 0.5


def stay_for_now() -> None:
    """Keep SIGTERM waiting until ``go_when_told``."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})


def go_when_told() -> None:
    """From now on SIGTERM ends this process: nothing is served yet."""
    loop = asyncio.get_running_loop()
    # the server forgets a signal that comes before it has started
    loop.add_signal_handler(signal.SIGTERM, os._exit, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})


def leave_when_told(
    first: Callable[[], None], then: Callable[[], None], patience: float
) -> asyncio.Event:
    """From now on SIGTERM runs ``first``, lingers, runs ``then``, and stops the server.

    The server stops on SIGINT as well, which this leaves to it. Repeats are ignored.
    The event is set ``patience`` seconds after the server should have stopped.
    """
    loop = asyncio.get_running_loop()
    overdue = asyncio.Event()
    told = False

    def leave() -> None:
        nonlocal told
        if not told:
            told = True
            first()
            loop.call_later(LINGER_SEC, stop)

    def stop() -> None:
        then()
        os.kill(os.getpid(), signal.SIGINT)
        loop.call_later(patience, overdue.set)

    loop.add_signal_handler(signal.SIGTERM, leave)
    return overdue


def closing(inner: ASGIApp) -> ASGIApp:
    """``inner``, each of its answers the last one on its connection."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_last(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), CLOSE]
            await send(message)

        await inner(scope, receive, send_last)

    return app
