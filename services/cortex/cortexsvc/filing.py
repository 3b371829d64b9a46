"""Recording decisions in Parquet files: large portions, put together as they age."""

from __future__ import annotations

import asyncio
from datetime import date
from datetime import timedelta
from pathlib import Path
from typing import Final

from cortexsvc.chronicle import Portion
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixstore.decisions import Rows
from qbrixstore.parquet.writing import MANY
from qbrixstore.parquet.writing import DecisionFiles

logger = get_logger(__name__)

ENTRIES_A_FILE: Final = 1_024


class ParquetChronicle:
    """A directory of files, of which so many days are kept, 0 for all.

    What does not fit on the disk waits in the log.
    """

    def __init__(self, root: Path, days: int, portion: Portion) -> None:
        self.portion = portion
        self._files = DecisionFiles(root)
        self._kept = timedelta(days=days)
        self._today = date.min
        self._since: dict[str, int] = {}  # files of a table since it was tidied
        self._one_at_a_time = asyncio.Lock()

    async def record(self, table: str, rows: Rows) -> None:
        """Raises Unavailable."""
        try:
            days = await asyncio.to_thread(self._files.write, table, rows)
        except OSError as error:
            raise Unavailable(f"cannot write the decision log: {error}") from error
        self._since[table] = self._since.get(table, MANY) + len(days)
        async with self._one_at_a_time:
            try:
                await self._tidy(table, days)
            except OSError as error:
                # what was to be recorded is
                logger.warning("old files of the decision log stay: %s", error)

    async def _tidy(self, table: str, days: set[date]) -> None:
        if self._since[table] >= MANY:
            self._since[table] = 0
            for day in days:
                await asyncio.to_thread(self._files.tidy, table, day)
        newest = max(days)
        if newest > self._today:
            self._today = newest
            if self._kept:
                before = newest - self._kept
                dropped = await asyncio.to_thread(self._files.drop_before, before)
                if dropped:
                    logger.info("dropped %s", ", ".join(dropped))
