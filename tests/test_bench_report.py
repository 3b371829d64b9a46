"""Tests of what a run of the benchmarks leaves behind."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from bench.__main__ import PARTS
from bench.__main__ import SYSTEM
from bench.__main__ import attempt
from bench.__main__ import find
from bench.__main__ import wanted
from bench.load import Target
from bench.load import load
from bench.report import BEGIN
from bench.report import END
from bench.report import Part
from bench.report import Run
from bench.report import benchmarks
from bench.report import placed
from bench.report import render
from bench.sheet import QUICK
from bench.sheet import Length
from bench.sheet import Sheet
from bench.targets import TARGETS
from bench.targets import judged

MACHINE = {
    "cpu": "A CPU",
    "cores": "2",
    "memory": "8 GiB",
    "system": "Linux 6",
    "python": "3.11.7",
    "libraries": "granian 2",
    "revision": "0123456789",
}
BENCHMARK: dict[str, Any] = {
    "fullname": "bench/test_x.py::test_it[a]",
    "stats": {"median": 0.0012345, "iqr": 2e-6},
    "extra_info": {"us_per_request": 12.3456},
}


def sheet() -> Sheet:
    made = Sheet(values={"select 32": 0.4})
    made.table("Rates", "connections", "select/s").rows.append(["32", "12,345"])
    made.note("All of it.")
    return made


async def without_wrk(_length: Length, _sheet: Sheet) -> None:
    await load(Target("http://127.0.0.1:1/", "{}", {}), 1, 1)


async def broken(_length: Length, sheet: Sheet) -> None:
    sheet.note("found before")
    raise ValueError("no more")


def test_a_benchmark_is_a_row_with_what_was_derived_from_it() -> None:
    row = "| test_x.py::test_it[a] | 1,234.50 | 2.00 | 12.35 us per request |"
    assert benchmarks([BENCHMARK]).splitlines()[-1] == row


def test_a_run_comes_back_from_its_file_as_it_was() -> None:
    run = Run(MACHINE, False, {"select": Part("2026-11-22 03:00", 9.5, sheet())})
    assert msgspec.json.decode(msgspec.json.encode(run), type=Run) == run


def test_a_report_has_the_machine_the_targets_and_each_part() -> None:
    parts = {
        "select": Part("2026-11-22 03:00", 9.5, sheet()),
        "rpc": Part("2026-11-22 03:05", 1.0, Sheet(), "RuntimeError: no h2load"),
        "micro": Part("2026-11-22 03:06", 1.0, Sheet(benchmarks=[BENCHMARK])),
    }
    text = render(Run(MACHINE, False, parts))
    assert text.startswith("2026-11-22 03:00 UTC; A CPU, 2 cores, 8 GiB")
    assert "| REST select, 32 connections | ≥ 0.5 × echo | 0.4 × echo | **no**" in text
    assert "| 32 | 12,345 |" in text
    assert "All of it." in text
    assert "**Failed**: RuntimeError: no h2load" in text
    assert "test_it[a]" in text
    assert "test_it[a]" not in render(Run(MACHINE, False, parts), beside=False)


def test_a_target_says_whether_it_is_met_and_by_how_much() -> None:
    rows = {row[0]: row for row in judged({"motor rss": 300, "rpc": 0.7}).rows}
    memory = rows["resident memory of the motor with them"]
    assert memory[1:] == ["≤ 600 MB", "300 MB", "yes (0.50 ×)"]
    assert rows["gRPC select, 32 in flight"][3] == "yes (1.00 ×)"
    assert rows["LinUCB 10 × 16"][2] == "not measured"
    assert len({target.name for target in TARGETS}) == len(rows) == len(TARGETS)


def test_the_block_between_the_markers_is_replaced() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert placed(text, "new") == f"before\n{BEGIN}\n\nnew\n{END}\nafter\n"
    assert placed(placed(text, "other"), "new") == placed(text, "new")
    with pytest.raises(ValueError, match="the named run"):
        placed("nothing", "new")


def test_parts_are_asked_for_by_name_or_together() -> None:
    assert wanted([]) == PARTS
    assert wanted(["micro", "select"]) == ("select", "micro")
    assert wanted(["system"]) == SYSTEM
    with pytest.raises(SystemExit, match="no part what"):
        wanted(["what"])


async def test_a_part_without_its_generator_is_skipped_and_a_broken_one_fails(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", "")
    lacking = await attempt(without_wrk, QUICK)
    assert "apt-get install wrk" in lacking.skipped and not lacking.failed

    failing = await attempt(broken, QUICK)
    assert failing.failed == "ValueError: no more"
    assert failing.sheet.notes == ["found before"] and not failing.skipped


@pytest.mark.parametrize("name", PARTS)
def test_every_part_can_be_had(name: str) -> None:
    assert callable(find(name))
