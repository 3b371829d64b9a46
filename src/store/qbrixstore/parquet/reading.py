"""Reading the decision log from files."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from qbrixstore.decisions import CONTROLS
from qbrixstore.decisions import REWARDS
from qbrixstore.decisions import SELECTIONS
from qbrixstore.decisions import Decision
from qbrixstore.decisions import Logged
from qbrixstore.decisions import control_of
from qbrixstore.decisions import logged
from qbrixstore.decisions import reward_of
from qbrixstore.parquet import parts
from qbrixstore.parquet.columns import schema
from qbrixstore.parquet.parts import START
from qbrixstore.parquet.parts import EntryId

ROWS_AT_ONCE: Final = 4_096
ATTEMPTS: Final = 10
_ORDER: Final = ("entry_ms", "entry_number", "place", "source")
_SHARED: Final = (
    "issued_ms",
    "generation",
    "arm_index",
    "propensity",
    "vector",
)


class ParquetDecisions:
    """The reading end of one directory; it holds all rows of one experiment."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def decisions(
        self, experiment_id: str, complete: bool
    ) -> AsyncIterator[Decision]:
        """Selections with their rewards, in the order they were made.

        ``complete`` leaves out those without a reward or a propensity. A reward whose
        selection is not recorded says itself what was chosen. Raises OSError.
        """
        found = await asyncio.to_thread(self._joined, experiment_id, complete)
        for row in _rows(found.select(Decision._fields)):
            yield Decision(**row)

    async def rewards(
        self, experiment_id: str, generation: int
    ) -> AsyncIterator[Logged]:
        """All of a generation, as they follow each other in the log. Raises OSError."""
        found = await self._rewards(experiment_id, generation)
        for row in _rows(_sorted(found, *_ORDER)):
            yield logged(row, reward_of(row))

    async def repeated(self, experiment_id: str, generation: int) -> Counter[str]:
        """How often the tokens of a generation were rewarded that were so again.

        Raises OSError.
        """
        found = await self._rewards(experiment_id, generation)
        counts = found.group_by("token_id").aggregate([([], "count_all")])
        rows = counts.filter(pc.field("count_all") > 1).to_pylist()
        return Counter({row["token_id"]: row["count_all"] for row in rows})

    async def controls(self, experiment_id: str) -> AsyncIterator[Logged]:
        """What it was to be learned by, in the order of the log. Raises OSError."""
        found = await asyncio.to_thread(self._found, CONTROLS, experiment_id)
        for row in _rows(_sorted(found, *_ORDER)):
            yield logged(row, control_of(row))

    async def _rewards(self, experiment_id: str, generation: int) -> Any:
        wanted = pc.field("generation") == generation
        return await asyncio.to_thread(self._found, REWARDS, experiment_id, wanted)

    def _joined(self, experiment_id: str, complete: bool) -> Any:
        left = self._found(SELECTIONS, experiment_id)
        right = self._found(REWARDS, experiment_id)
        keys = ["token_id", *_SHARED]
        both = left.select([*keys, "param_version", "context_id"]).join(
            right.select([*keys, "reward"]),
            keys="token_id",
            join_type="full outer",
            right_suffix="_of_reward",
        )
        for name in _SHARED:
            value = pc.coalesce(both[name], both[f"{name}_of_reward"])
            both = both.set_column(both.column_names.index(name), name, value)
        if complete:
            there = pc.field("reward").is_valid() & pc.field("propensity").is_valid()
            both = both.filter(there)
        return _sorted(both, "issued_ms", "token_id")

    def _found(self, table: str, experiment_id: str, wanted: Any = None) -> Any:
        """Its rows of a table, each once."""
        mine = pc.field("experiment_id") == experiment_id
        condition = mine if wanted is None else mine & wanted
        read = [schema(table).empty_table()]
        for day in parts.days(self._root / table):
            read += self._of_day(table, day, condition)
        return pa.concat_tables(read)

    def _of_day(self, table: str, day: date, condition: Any) -> list[Any]:
        directory = self._root / table
        for _ in range(ATTEMPTS):
            try:
                return [
                    pq.read_table(
                        directory / part.name,
                        columns=schema(table).names,
                        partitioning=None,
                        filters=condition & _behind(behind),
                    ).cast(schema(table))
                    for part, behind in parts.needed(parts.parts(directory, day))
                ]
            except FileNotFoundError:
                # put together with others meanwhile
                continue
        raise OSError(f"the files of {table} change all the time")


def holds_any(root: Path) -> bool:
    """Whether anything is recorded there."""
    return any(parts.days(root / table) for table in (REWARDS, SELECTIONS))


def _behind(entry: EntryId) -> Any:
    ms, number = pc.field("entry_ms"), pc.field("entry_number")
    if entry == START:
        return pc.scalar(True)
    return (ms > entry[0]) | ((ms == entry[0]) & (number > entry[1]))


def _sorted(table: Any, *names: str) -> Any:
    return table.sort_by([(name, "ascending") for name in names])


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    for batch in table.to_batches(max_chunksize=ROWS_AT_ONCE):
        yield from batch.to_pylist()
