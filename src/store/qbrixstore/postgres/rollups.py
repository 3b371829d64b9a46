"""What was counted, by arm and hour: absolute counts, so that writing twice is once."""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Sequence
from datetime import UTC
from datetime import datetime
from typing import Any
from typing import Final
from typing import NamedTuple

from sqlalchemy import func
from sqlalchemy import select
from sqlalchemy import text
from sqlalchemy import tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.cells import HOUR_MS
from qbrixstore.cells import Cell
from qbrixstore.cells import CellId
from qbrixstore.cells import Held
from qbrixstore.cells import Key
from qbrixstore.cells import Live
from qbrixstore.postgres.insight_tables import ArmHourRow
from qbrixstore.postgres.tables import ExperimentRow
from qbrixstore.postgres.tenanted import Tenanted

ROWS_A_STATEMENT: Final = 100  # more hold up the loop of who writes them

_KEY: Final = {
    "tenant_id": "varchar",
    "experiment_id": "varchar",
    "hour": "timestamptz",
    "arm_index": "integer",
    "source": "varchar",
}
_COUNTS: Final = {
    "revision": "bigint",
    "selections": "bigint",
    "defaults": "bigint",
    "feedback": "bigint",
    "reward_sum": "float8",
    "reward_min": "float8",
    "reward_max": "float8",
    "first_ms": "bigint",
    "last_ms": "bigint",
}
_COLUMNS: Final = {**_KEY, **_COUNTS}
# columns as arrays: a statement with a parameter a value takes the loop longer to make
_UPSERT: Final = text(
    f"insert into arm_hour ({', '.join(_COLUMNS)}) select * from unnest("
    + ", ".join(f"cast(:{name} as {kind}[])" for name, kind in _COLUMNS.items())
    + f") on conflict ({', '.join(_KEY)}) do update set "
    + ", ".join(f"{name} = excluded.{name}" for name in _COUNTS)
    + " where arm_hour.revision < excluded.revision"
)


class Span(NamedTuple):
    """Hours since 1970, from the first up to the one behind the last."""

    first: int
    end: int


ALWAYS: Final = Span(0, 1 << 32)


class Rollups:
    """Counts of all tenants, inside the caller's system session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def existing(self, pairs: Collection[Key]) -> set[Key]:
        """Which of the experiments there are, held until the transaction ends."""
        rows = await self._session.execute(
            select(ExperimentRow.tenant_id, ExperimentRow.id)
            .where(tuple_(ExperimentRow.tenant_id, ExperimentRow.id).in_(pairs))
            .order_by(ExperimentRow.id)
            .with_for_update(read=True, key_share=True)
        )
        return {(row.tenant_id, row.id) for row in rows}

    async def write(self, counted: Sequence[Live]) -> None:
        """Counts of experiments that exist; what is older than stored changes nothing.

        Counts and the revision they are of are one row, so they are never apart.
        """
        # one order for everybody, or two writers wait for each other
        cells = sorted(
            (one.key, cell_id, held)
            for one in counted
            for cell_id, held in one.cells.items()
        )
        for start in range(0, len(cells), ROWS_A_STATEMENT):
            rows = [_row(*cell) for cell in cells[start : start + ROWS_A_STATEMENT]]
            columns = zip(*rows, strict=True)
            given = dict(zip(_COLUMNS, map(list, columns), strict=True))
            await self._session.execute(_UPSERT, given)


class ExperimentRollups(Tenanted):
    """Counts of a tenant's experiments."""

    async def before(self, experiment_id: str, span: Span) -> dict[int, Cell]:
        """Counts by arm, summed over the hours of a span."""
        of = ArmHourRow
        query = select(
            of.arm_index,
            func.sum(of.selections),
            func.sum(of.defaults),
            func.sum(of.feedback),
            func.sum(of.reward_sum),
            func.min(of.reward_min),
            func.max(of.reward_max),
            func.min(of.first_ms),
            func.max(of.last_ms),
        )
        rows = await self._rows(query.group_by(of.arm_index), experiment_id, span)
        return {row[0]: _cell(row[1:]) for row in rows}

    async def hours(self, experiment_id: str, span: Span) -> dict[CellId, Held]:
        """Revision and counts of each cell in the hours of a span."""
        of = ArmHourRow
        query = select(
            of.hour,
            of.arm_index,
            of.source,
            of.revision,
            of.selections,
            of.defaults,
            of.feedback,
            of.reward_sum,
            of.reward_min,
            of.reward_max,
            of.first_ms,
            of.last_ms,
        )
        rows = await self._rows(query, experiment_id, span)
        return {
            CellId(_number(row[0]), row[1], row[2]): Held(row[3], _cell(row[4:]))
            for row in rows
        }

    async def _rows(
        self, query: Any, experiment_id: str, span: Span
    ) -> list[tuple[Any, ...]]:
        query = (
            query.where(ArmHourRow.tenant_id == self.tenant_id)
            .where(ArmHourRow.experiment_id == experiment_id)
            .where(ArmHourRow.hour >= _moment(span.first))
            .where(ArmHourRow.hour < _moment(span.end))
        )
        return [tuple(row) for row in await self._session.execute(query)]


def _row(key: Key, cell_id: CellId, held: Held) -> tuple[Any, ...]:
    cell = held.cell
    rewarded, selected = cell.feedback > 0, cell.selections > 0
    return (
        *key,
        _moment(cell_id.hour),
        cell_id.arm,
        cell_id.source,
        held.revision,
        cell.selections,
        cell.defaults,
        cell.feedback,
        cell.reward_sum,
        cell.reward_min if rewarded else None,
        cell.reward_max if rewarded else None,
        cell.first_ms if selected else None,
        cell.last_ms if selected else None,
    )


def _cell(columns: Sequence[Any]) -> Cell:
    selections, defaults, feedback, total, *rest = columns
    bounds = (0 if one is None else one for one in rest)
    return Cell(int(selections), int(defaults), int(feedback), total, *bounds)


def _moment(hour: int) -> datetime:
    # what lies beyond what postgres can say is before or after everything
    return datetime.fromtimestamp(min(hour, _LAST) * HOUR_MS / 1_000, UTC)


def _number(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000) // HOUR_MS


_LAST: Final = 2_500_000  # an hour of the year 2255
