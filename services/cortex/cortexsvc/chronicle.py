"""Where decisions are recorded for good."""

from __future__ import annotations

from datetime import date
from datetime import timedelta
from typing import NamedTuple
from typing import Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from qbrixlog import get_logger
from qbrixstore.decisions import Rows
from qbrixstore.postgres import system_session
from qbrixstore.postgres.decisions import DecisionLog

logger = get_logger(__name__)


class Portion(NamedTuple):
    """How much is recorded at once: so many entries, or what is so many seconds old."""

    entries: int = 64
    seconds: float = 0.0


class Chronicle(Protocol):
    """Takes rows of the decision log; the same rows again change nothing."""

    @property
    def portion(self) -> Portion:
        """What it wants to be given at once."""

    async def record(self, table: str, rows: Rows) -> None:
        """Rows in the order of their stream. Raises Unavailable."""


class PostgresChronicle:
    """The tables in Postgres, of which so many days are kept, 0 for all."""

    portion = Portion()

    def __init__(self, engine: AsyncEngine, days: int) -> None:
        self._engine = engine
        self._kept = timedelta(days=days)
        self._open: set[date] = set()

    async def record(self, table: str, rows: Rows) -> None:
        """Raises Unavailable."""
        try:
            await self._write(table, rows, {row[1] for row in rows})
        except BaseException:
            # a partition may be gone
            self._open.clear()
            raise

    async def _write(self, table: str, rows: Rows, days: set[date]) -> None:
        async with system_session(self._engine) as session:
            log = DecisionLog(session)
            if not days <= self._open:
                await log.open_days(days)
            await log.write(table, rows)
        if not days <= self._open:
            await self._forget(max(days))
        self._open |= days

    async def _forget(self, today: date) -> None:
        if not self._kept:
            return
        async with system_session(self._engine) as session:
            dropped = await DecisionLog(session).drop_before(today - self._kept)
        if dropped:
            logger.info("dropped %s", ", ".join(dropped))
