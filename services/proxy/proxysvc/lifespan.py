"""The ASGI lifespan: an application that exists only while its server runs."""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import AsyncExitStack
from typing import Any
from typing import Protocol

from proxysvc.fast.answers import Receive
from proxysvc.fast.answers import Scope
from proxysvc.fast.answers import Send
from proxysvc.leaving import closing
from proxysvc.leaving import go_when_told
from proxysvc.leaving import leave_when_told
from qbrixcore.errors import QbrixError
from qbrixlog import get_logger
from qbrixserving.processes import CannotStart

logger = get_logger(__name__)

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]


class Leaver(Protocol):
    """An application that takes its leave: ``drain`` first, ``hurry`` in the end."""

    @property
    def http(self) -> ASGIApp: ...

    @property
    def drain(self) -> Callable[[], None]: ...

    @property
    def hurry(self) -> Callable[[], None]: ...


Start = Callable[[], AbstractAsyncContextManager[Leaver]]


class Lifespan:
    """Starts an application with its server, and stops it when that has drained."""

    def __init__(self, start: Start, patience: float) -> None:
        """``patience`` is how long, in seconds, the server may take to drain."""
        self._start = start
        self._patience = patience
        self._app: ASGIApp = _nothing

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a request, or run from start to shutdown."""
        if scope["type"] == "lifespan":
            return self._run(receive, send)
        return self._app(scope, receive, send)

    async def _run(self, receive: Receive, send: Send) -> None:
        go_when_told()
        await receive()
        async with AsyncExitStack() as stack:
            try:
                worker = await stack.enter_async_context(self._start())
            except Exception as error:
                expected = isinstance(error, QbrixError | CannotStart)
                unexpected = None if expected else error
                logger.error("the proxy cannot start: %s", error, exc_info=unexpected)
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            self._app = worker.http
            # what was built lives as long as the process: walking it takes 0.1 s
            gc.collect()
            gc.freeze()
            overdue = leave_when_told(
                lambda: self._drain(worker), worker.hurry, self._patience
            )
            await send({"type": "lifespan.startup.complete"})
            drained = await _comes_first(receive(), overdue.wait())
        if not drained:
            # a connection that never finished its request keeps the server waiting
            logger.warning("connections that were still open are cut")
            os._exit(0)
        await send({"type": "lifespan.shutdown.complete"})

    def _drain(self, worker: Leaver) -> None:
        worker.drain()
        self._app = closing(worker.http)


async def _comes_first(one: Awaitable[Any], other: Awaitable[Any]) -> bool:
    tasks = [asyncio.ensure_future(one), asyncio.ensure_future(other)]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    came = tasks[0].done()
    for task in tasks:
        task.cancel()
    return came


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("the application has not been started")
