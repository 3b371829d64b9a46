"""Which files there are, what they have, and which of them are to be read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.store.parquet.samples import NOON_MS
from tests.store.parquet.samples import SOURCE
from tests.store.parquet.samples import rows

from qbrixstore.decisions import REWARDS
from qbrixstore.parquet import parts
from qbrixstore.parquet.parts import Part
from qbrixstore.parquet.reading import ParquetDecisions
from qbrixstore.parquet.writing import DecisionFiles

DAY = date(2025, 11, 22)
IDS = st.tuples(st.integers(0, 2**50), st.integers(0, 2**40))


def part(first: int, last: int, source: str = SOURCE) -> Part:
    return Part(DAY, source, (first, 0), (last, 0))


async def read(root: Path, experiment: str = "e0") -> list[float]:
    found = ParquetDecisions(root).rewards(experiment, 0)
    return [one.event.reward async for one in found]  # type: ignore[union-attr]


@given(st.dates(), IDS, IDS)
def test_a_name_says_what_a_file_has(day: date, first: tuple, last: tuple) -> None:  # type: ignore[type-arg]
    one = Part(day, SOURCE, first, last)
    assert Part.of(Path("decision_reward") / one.name) == one


@pytest.mark.parametrize(
    "name", ["x.parquet", "day=2025-11-22/a_b_c.parquet", "day=x/s_1-0_2-0.parquet"]
)
def test_strangers_are_left_alone(name: str) -> None:
    assert Part.of(Path(name)) is None


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        ([part(1, 4), part(5, 9)], [(1, -1), (5, 4)]),
        ([part(1, 9), part(1, 4), part(5, 9)], [(1, -1)]),
        ([part(1, 5), part(4, 9)], [(1, -1), (4, 5)]),
        ([part(1, 9), part(1, 3, "2.3.ab.0")], [(1, -1), (1, -1)]),
    ],
    ids=["neighbours", "put together", "overlapping", "of another layout"],
)
def test_each_entry_is_read_from_one_file(
    found: Sequence[Part], wanted: Sequence[tuple[int, int]]
) -> None:
    used = [(one.first[0], behind[0]) for one, behind in parts.needed(found)]
    assert used == wanted


async def test_overlapping_files_are_read_once(tmp_path: Path) -> None:
    files = DecisionFiles(tmp_path)
    for start, stop in ((0, 4), (0, 6), (2, 9), (9, 12)):
        files.write(REWARDS, rows(start, stop))
    once = [number / 8 for number in range(60)]
    assert await read(tmp_path) == once[::2]
    assert await read(tmp_path, "e1") == once[1::2]
    assert files.tidy(REWARDS, DAY) == 1
    assert await read(tmp_path) == once[::2]


async def test_streams_of_another_layout_are_others(tmp_path: Path) -> None:
    files = DecisionFiles(tmp_path)
    for source in (SOURCE, "2.3.ab.0", "2.3.ab.1"):
        files.write(REWARDS, rows(0, 2, source))
    assert len(await read(tmp_path)) == 15


async def test_days_are_kept_apart(tmp_path: Path) -> None:
    before = [(*row[:1], date(2025, 11, 21), *row[2:]) for row in rows(0, 2)]
    DecisionFiles(tmp_path).write(REWARDS, [*before, *rows(2, 4)])
    assert parts.days(tmp_path / REWARDS) == [date(2025, 11, 21), DAY]
    assert len(await read(tmp_path)) == 10


def test_the_day_is_that_of_the_entry(tmp_path: Path) -> None:
    assert DecisionFiles(tmp_path).write(REWARDS, rows(0, 1)) == {DAY}
    [found] = parts.parts(tmp_path / REWARDS, DAY)
    assert found == part(NOON_MS, NOON_MS)
