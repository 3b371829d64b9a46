"""Work that runs as long as its process: when it fails, the process ends."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from collections.abc import Coroutine
from contextlib import asynccontextmanager
from typing import Any

from qbrixlog import get_logger

logger = get_logger(__name__)

_failed: list[str] = []


def watched(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """A task whose failure is logged at once and asks this process to stop.

    A process that goes on without its background work looks well and is not; who
    supervises it starts another. Ending without an error, or cancelled, is no failure.
    """
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_look_after)
    return task


@asynccontextmanager
async def background(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Watched work for the duration of the block, cancelled when it is left."""
    task = watched(work, name)
    try:
        yield
    finally:
        await cancelled(task)


async def cancelled(*tasks: asyncio.Task[None]) -> None:
    """Cancel watched tasks and wait for them; what they raised has been logged."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def has_failed() -> bool:
    """Whether any watched work of this process failed."""
    return bool(_failed)


def _look_after(task: asyncio.Task[None]) -> None:
    if task.cancelled() or (error := task.exception()) is None:
        return
    name = task.get_name()
    logger.critical("%s failed, this process ends", name, exc_info=error)
    _failed.append(name)
    os.kill(os.getpid(), signal.SIGTERM)
