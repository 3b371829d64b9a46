"""The ASGI lifespan: an application that exists only while its server runs."""

from __future__ import annotations

import gc
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from contextlib import AsyncExitStack

from proxysvc.fast.answers import Receive
from proxysvc.fast.answers import Scope
from proxysvc.fast.answers import Send
from qbrixcore.errors import QbrixError
from qbrixlog import get_logger
from qbrixserving.processes import CannotStart

logger = get_logger(__name__)

ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Start = Callable[[], AbstractAsyncContextManager[ASGIApp]]


class Lifespan:
    """Starts an application with its server, and stops it when that has drained."""

    def __init__(self, start: Start) -> None:
        self._start = start
        self._app: ASGIApp = _nothing

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Answer a request, or run from start to shutdown."""
        if scope["type"] == "lifespan":
            return self._run(receive, send)
        return self._app(scope, receive, send)

    async def _run(self, receive: Receive, send: Send) -> None:
        await receive()
        async with AsyncExitStack() as stack:
            try:
                self._app = await stack.enter_async_context(self._start())
            except Exception as error:
                expected = isinstance(error, QbrixError | CannotStart)
                unexpected = None if expected else error
                logger.error("the proxy cannot start: %s", error, exc_info=unexpected)
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                return
            # what was built lives as long as the process: walking it takes 0.1 s
            gc.collect()
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _nothing(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("the application has not been started")
