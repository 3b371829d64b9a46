"""Running until somebody asks to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable
from collections.abc import Callable
from typing import TypeVar

R = TypeVar("R")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def until_stopped(job: Callable[[], Awaitable[R]]) -> R | None:
    """Result of a job; None if a signal cancelled it.

    A second signal ends this process at once, and with it every child of it.
    """
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(job())
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if asked > 1:
            os._exit(1)
        task.cancel()

    for sign in STOP_SIGNALS:
        loop.add_signal_handler(sign, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return None
    finally:
        for sign in STOP_SIGNALS:
            loop.remove_signal_handler(sign)
