"""The decision log: selections and rewards by day, written any number of times."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import date
from datetime import timedelta
from typing import Any
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixstore.decisions import COLUMNS
from qbrixstore.decisions import CONTROLS
from qbrixstore.decisions import PLACE
from qbrixstore.decisions import REWARDS
from qbrixstore.decisions import SELECTIONS
from qbrixstore.decisions import Columns
from qbrixstore.decisions import Decision
from qbrixstore.decisions import Kind
from qbrixstore.decisions import Logged
from qbrixstore.decisions import control_of
from qbrixstore.decisions import logged
from qbrixstore.decisions import reward_of

ROWS_A_STATEMENT: Final = 100  # more hold up the loop of who writes them
_PARTITIONING: Final = 0x716272_6465636C  # an advisory lock: one makes partitions
_DAY: Final = timedelta(days=1)
_TYPES: Final[Mapping[Kind, str]] = {
    "id": "varchar",
    "text": "text",
    "day": "date",
    "int32": "integer",
    "int64": "bigint",
    "float64": "float8",
    "bytes": "bytea",
}


class DecisionLog:
    """Its tables, inside the caller's system session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open_days(self, days: Collection[date]) -> None:
        """Partitions for these days, where there are none yet."""
        await self._session.execute(
            text("select pg_advisory_xact_lock(:key)"), {"key": _PARTITIONING}
        )
        for table in COLUMNS:
            for day in sorted(days):
                await self._session.execute(text(_partition(table, day)))

    async def write(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows, each a ``Place`` and the columns behind it; the same again is nothing.

        Their days must be open.
        """
        columns = COLUMNS[table]
        statement = text(_upsert(table, columns))
        for start in range(0, len(rows), ROWS_A_STATEMENT):
            part = zip(*rows[start : start + ROWS_A_STATEMENT], strict=True)
            given = dict(zip(columns, map(list, part), strict=True))
            await self._session.execute(statement, given)

    async def drop_before(self, day: date) -> list[str]:
        """Drop partitions of earlier days; returns their names."""
        found = await self._session.scalars(
            text(
                "select c.relname from pg_inherits i"
                " join pg_class c on c.oid = i.inhrelid"
                " join pg_class p on p.oid = i.inhparent"
                " where p.relname = any(:tables)"
            ),
            {"tables": list(COLUMNS)},
        )
        old = sorted(_older(found, day))
        for name in old:
            await self._session.execute(text(f"drop table if exists {name}"))
        return old

    async def decisions(
        self, experiment_id: str, complete: bool
    ) -> AsyncIterator[Decision]:
        """Selections with their rewards, in the order they were made.

        ``complete`` leaves out those without a reward or a propensity. A reward whose
        selection is not recorded says itself what was chosen.
        """
        wanted = " where reward is not null and propensity is not null"
        query = text(_DECISIONS + (wanted if complete else "") + _ORDER)
        rows = await self._session.stream(query, {"experiment": experiment_id})
        async for row in rows:
            yield Decision(*row)

    async def rewards(
        self, experiment_id: str, generation: int
    ) -> AsyncIterator[Logged]:
        """All of a generation, as they follow each other in the log."""
        query = text(_REWARDS)
        given = {"experiment": experiment_id, "generation": generation}
        rows = await self._session.stream(query, given)
        async for row in rows.mappings():
            yield logged(row, reward_of(row))

    async def repeated(self, experiment_id: str, generation: int) -> Counter[str]:
        """How often the tokens of a generation were rewarded that were so again."""
        given = {"experiment": experiment_id, "generation": generation}
        rows = await self._session.execute(text(_REPEATED), given)
        return Counter({token: count for token, count in rows})

    async def controls(self, experiment_id: str) -> AsyncIterator[Logged]:
        """What it was to be learned by, in the order of the log."""
        rows = await self._session.stream(
            text(_CONTROLS), {"experiment": experiment_id}
        )
        async for row in rows.mappings():
            yield logged(row, control_of(row))


def _partition(table: str, day: date) -> str:
    return (
        f"create table if not exists {table}_{day:%Y%m%d} partition of {table}"
        f" for values from ('{day}') to ('{day + _DAY}')"
    )


def _older(names: Iterable[str], day: date) -> list[str]:
    return [name for name in names if name.rpartition("_")[2] < f"{day:%Y%m%d}"]


def _upsert(table: str, columns: Columns) -> str:
    given = ", ".join(
        f"cast(:{name} as {_TYPES[kind]}[])" for name, kind in columns.items()
    )
    rest = ", ".join(f"{name} = excluded.{name}" for name in columns.keys() - PLACE)
    return (
        f"insert into {table} ({', '.join(columns)}) select * from unnest({given})"
        f" on conflict ({', '.join(PLACE)}) do update set {rest}"
    )


_DECISIONS: Final = f"""
select * from (
  select
    coalesce(s.token_id, r.token_id) as token_id,
    coalesce(s.issued_ms, r.issued_ms) as issued_ms,
    s.context_id,
    coalesce(s.generation, r.generation) as generation,
    s.param_version,
    coalesce(s.arm_index, r.arm_index) as arm_index,
    coalesce(s.propensity, r.propensity) as propensity,
    r.reward,
    coalesce(s.vector, r.vector) as vector
  from (select * from {SELECTIONS} where experiment_id = :experiment) s
  full join (select * from {REWARDS} where experiment_id = :experiment) r
    on r.token_id = s.token_id
) as decision"""
_ORDER: Final = " order by issued_ms, token_id"
_IN_ORDER: Final = " order by entry_ms, entry_number, place, source"
_OF_GENERATION: Final = (
    f" from {REWARDS} where experiment_id = :experiment and generation = :generation"
)
_REWARDS: Final = "select *" + _OF_GENERATION + _IN_ORDER
_REPEATED: Final = (
    f"select token_id, count(*){_OF_GENERATION} group by token_id having count(*) > 1"
)
_CONTROLS: Final = (
    f"select * from {CONTROLS} where experiment_id = :experiment" + _IN_ORDER
)
