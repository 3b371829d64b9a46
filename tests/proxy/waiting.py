"""Waiting for something that happens in the background."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from collections.abc import Callable


async def eventually(holds: Callable[[], Awaitable[bool]], seconds: int = 20) -> None:
    """Returns as soon as it holds; fails if it never does."""
    for _ in range(seconds * 100):
        if await holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not so after {seconds} seconds")


async def past(moment: float) -> None:
    """Returns when a moment, in epoch seconds, is over."""
    await asyncio.sleep(max(0.0, moment - time.time()) + 0.05)
