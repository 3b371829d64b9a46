"""The decision log: selections and rewards by day, written any number of times."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from datetime import UTC
from datetime import date
from datetime import datetime
from datetime import timedelta
from typing import Any
from typing import Final
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

SELECTIONS: Final = "decision_selection"
REWARDS: Final = "decision_reward"
ROWS_A_STATEMENT: Final = 100  # more hold up the loop of who writes them
_PARTITIONING: Final = 0x716272_6465636C  # an advisory lock: one makes partitions
_DAY: Final = timedelta(days=1)
_KEY: Final = {
    "experiment_id": "varchar",
    "day": "date",
    "source": "varchar",
    "entry_ms": "bigint",
    "entry_number": "bigint",
    "place": "integer",
}
_SHARED: Final = {
    **_KEY,
    "tenant_id": "varchar",
    "token_id": "varchar",
    "generation": "bigint",
    "arm_index": "integer",
    "propensity": "float8",
    "vector": "bytea",
    "issued_ms": "bigint",
}
_COLUMNS: Final[Mapping[str, Mapping[str, str]]] = {
    SELECTIONS: {**_SHARED, "param_version": "bigint", "context_id": "text"},
    REWARDS: {**_SHARED, "reward": "float8", "received_ms": "bigint"},
}


class Place(NamedTuple):
    """Where an event stood: the first columns of its row, in their order."""

    experiment_id: str
    day: date
    source: str
    entry_ms: int
    entry_number: int
    place: int


class Decision(NamedTuple):
    """What is known of one selection; the reward is None as long as there is none."""

    token_id: str
    issued_ms: int
    context_id: str | None
    generation: int
    param_version: int | None
    arm_index: int
    propensity: float | None
    reward: float | None
    vector: bytes | None


def day_of(ms: int) -> date:
    """The day, UTC, of milliseconds since 1970."""
    return datetime.fromtimestamp(ms / 1_000, UTC).date()


class DecisionLog:
    """Both tables, inside the caller's system session."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def open_days(self, days: Collection[date]) -> None:
        """Partitions for these days, where there are none yet."""
        await self._session.execute(
            text("select pg_advisory_xact_lock(:key)"), {"key": _PARTITIONING}
        )
        for table in _COLUMNS:
            for day in sorted(days):
                await self._session.execute(text(_partition(table, day)))

    async def write(self, table: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Rows, each a ``Place`` and the columns behind it; the same again is nothing.

        Their days must be open.
        """
        columns = _COLUMNS[table]
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
            {"tables": list(_COLUMNS)},
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


def _partition(table: str, day: date) -> str:
    return (
        f"create table if not exists {table}_{day:%Y%m%d} partition of {table}"
        f" for values from ('{day}') to ('{day + _DAY}')"
    )


def _older(names: Iterable[str], day: date) -> list[str]:
    return [name for name in names if name.rpartition("_")[2] < f"{day:%Y%m%d}"]


def _upsert(table: str, columns: Mapping[str, str]) -> str:
    given = ", ".join(f"cast(:{name} as {kind}[])" for name, kind in columns.items())
    rest = ", ".join(f"{name} = excluded.{name}" for name in columns.keys() - _KEY)
    return (
        f"insert into {table} ({', '.join(columns)}) select * from unnest({given})"
        f" on conflict ({', '.join(_KEY)}) do update set {rest}"
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
