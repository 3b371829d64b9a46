"""What requests leave behind for Redis, delivered in the background."""

from __future__ import annotations

import asyncio
from abc import ABC
from abc import abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import ClassVar
from typing import Final

from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.background import background

logger = get_logger(__name__)

STOP_SEC: Final = 1.0  # for what a worker that stops still has


class Delivery(ABC):
    """Delivers again and again what waits in memory, and once more at the end.

    What Redis does not take waits for the next time. What found no room in memory, or
    can never be delivered, is counted in ``dropped`` and logged.
    """

    what: ClassVar[str]

    def __init__(self) -> None:
        self.dropped = 0

    @abstractmethod
    async def flush(self) -> None:
        """Deliver all there is. Raises Unavailable, Overloaded, and keeps it then."""

    @abstractmethod
    async def _due(self, away: bool) -> None:
        """Return when a flush is due; ``away`` says that the last one failed."""

    @abstractmethod
    def _skip(self) -> None:
        """Forget what a flush failed with for no known reason; the rest can go on."""

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Deliver for as long as the block runs, and once more."""
        try:
            async with background(self._run(), f"delivering {self.what}"):
                yield
        finally:
            try:
                async with asyncio.timeout(STOP_SEC):
                    await self.flush()
            except (Unavailable, Overloaded, TimeoutError) as error:
                reason = error or "no time left"
                logger.warning("the last %s are lost: %s", self.what, reason)

    async def _run(self) -> None:
        away, told = False, 0
        while True:
            await self._due(away)
            try:
                await self.flush()
                away = False
            except (Unavailable, Overloaded) as error:
                if not away:
                    logger.warning("%s wait in memory: %s", self.what, error)
                away = True
            except Exception:
                self._skip()
                logger.exception("%s cannot be delivered", self.what)
            if self.dropped > told:
                logger.error("%d %s are lost", self.dropped - told, self.what)
                told = self.dropped
