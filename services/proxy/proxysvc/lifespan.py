"""An application that exists only while its server runs."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import AsyncExitStack
from typing import Any
from typing import Protocol

from proxysvc.asgi import ASGIApp
from proxysvc.bridge import bridged
from proxysvc.leaving import closing
from proxysvc.leaving import go_when_told
from proxysvc.leaving import leave_when_told
from proxysvc.rsgi import RSGIApp
from qbrixcore.errors import QbrixError
from qbrixlog import get_logger
from qbrixserving.processes import CannotStart

logger = get_logger(__name__)


class Leaver(Protocol):
    """An application that takes its leave: ``drain`` first, ``hurry`` in the end."""

    @property
    def http(self) -> ASGIApp: ...

    @property
    def served(self) -> RSGIApp: ...

    @property
    def drain(self) -> Callable[[], None]: ...

    @property
    def hurry(self) -> Callable[[], None]: ...


Start = Callable[[], AbstractAsyncContextManager[Leaver]]


class Lifespan:
    """Starts an application with its server, and stops it when that has drained.

    An RSGI application: the server calls what has underscores around its name.
    """

    def __init__(self, start: Start, patience: float) -> None:
        """``patience`` is how long, in seconds, the server may take to drain."""
        self._start = start
        self._patience = patience
        self._app: RSGIApp = _nothing
        self._started = asyncio.Event()
        self._drained = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start; the loop does not run yet. Raises SystemExit when that fails."""
        self._running = loop.create_task(self._run())
        tried = _first(self._started.wait(), asyncio.shield(self._running))
        loop.run_until_complete(tried)
        if not self._started.is_set():
            sys.exit(1)

    def __rsgi__(self, scope: Any, protocol: Any) -> Awaitable[None]:
        """Answer a request."""
        return self._app(scope, protocol)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop; the loop runs no more, and every request was answered."""
        self._drained.set()
        if self._running is not None:
            loop.run_until_complete(self._running)

    async def _run(self) -> None:
        go_when_told()
        async with AsyncExitStack() as stack:
            try:
                worker = await stack.enter_async_context(self._start())
            except Exception as error:
                expected = isinstance(error, QbrixError | CannotStart)
                unexpected = None if expected else error
                logger.error("the proxy cannot start: %s", error, exc_info=unexpected)
                return
            self._app = worker.served
            # what was built lives as long as the process: walking it takes 0.1 s
            gc.collect()
            gc.freeze()
            overdue = leave_when_told(
                lambda: self._drain(worker), worker.hurry, self._patience
            )
            self._started.set()
            await _first(self._drained.wait(), overdue.wait())
        if not self._drained.is_set():
            # a connection that never finished its request keeps the server waiting
            logger.warning("connections that were still open are cut")
            os._exit(0)

    def _drain(self, worker: Leaver) -> None:
        worker.drain()
        self._app = bridged(closing(worker.http))


async def _first(*awaited: Awaitable[Any]) -> None:
    """Return when one of them is done, and wait for the others no longer."""
    tasks = [asyncio.ensure_future(one) for one in awaited]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()


async def _nothing(scope: Any, protocol: Any) -> None:
    raise RuntimeError("the application has not been started")
