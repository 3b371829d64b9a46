"""Who calls how often: counted in memory, added up in Redis, remembered in Postgres."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from collections.abc import Mapping
from contextlib import asynccontextmanager
from contextlib import suppress
from datetime import UTC
from datetime import datetime
from typing import Final
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from proxysvc.auth import Authenticator
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixserving.background import background
from qbrixstore.postgres import system_session
from qbrixstore.postgres.credentials import Credentials

logger = get_logger(__name__)

FLUSH_SEC: Final = 5.0
MINUTE: Final = 60
WRITE_SEC: Final = 30.0  # how often the last uses of keys are written to postgres


class Counts(Protocol):
    """What is needed of the counts in Redis."""

    async def add(self, minute: int, calls: Mapping[str, int]) -> None: ...

    async def get(self, minute: int, id_: str) -> int: ...


class UsageMeter:
    """Calls of this worker, passed on every few seconds and at the end of a minute.

    Calls counted while Redis is away are dropped: they belong to a minute that is over.
    """

    def __init__(
        self, engine: AsyncEngine, counts: Counts, authenticator: Authenticator
    ) -> None:
        self._engine = engine
        self._counts = counts
        self._authenticator = authenticator
        self._last_used: dict[str, datetime] = {}
        self._minute = _minute()

    async def this_minute(self, id_: str) -> int:
        """Calls of a key or user in this minute; those of other workers come late.

        Raises Unavailable.
        """
        await self.flush()
        return await self._counts.get(_minute(), id_)

    async def flush(self) -> None:
        """Add up what was counted. Raises Unavailable."""
        counted_in, self._minute = self._minute, _minute()
        calls: Counter[str] = Counter()
        now = datetime.now(UTC)
        for principal, count in self._authenticator.take_calls():
            calls[principal.user_id] += count
            if principal.key_id:
                calls[principal.key_id] += count
                self._last_used[principal.key_id] = now
        await self._counts.add(counted_in, calls)

    async def write_last_uses(self) -> None:
        """Note when keys were last used. Raises Unavailable."""
        if self._last_used:
            async with system_session(self._engine) as session:
                await Credentials(session).mark_used(self._last_used)
            self._last_used = {}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Flush and write in the background for as long as the block runs."""
        try:
            async with background(self._run(), "counting calls"):
                yield
        finally:
            with suppress(Unavailable):
                await self.flush()
            with suppress(Unavailable):
                await self.write_last_uses()

    async def _run(self) -> None:
        clock = asyncio.get_running_loop().time
        write_at = clock() + WRITE_SEC
        while True:
            await asyncio.sleep(min(FLUSH_SEC, MINUTE - time.time() % MINUTE))
            try:
                await self.flush()
                if clock() >= write_at:
                    write_at = clock() + WRITE_SEC
                    await self.write_last_uses()
            except Unavailable as error:
                logger.warning("calls are not counted: %s", error)
            except Exception:
                logger.exception("cannot count calls")


def _minute() -> int:
    return int(time.time() // MINUTE)
