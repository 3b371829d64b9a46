"""The table of the checklist, printed at the end of a run.

A test that proves rows says so: ``@pytest.mark.row(11, 13)``. A row holds when every
test of its own passed. ``CONTRACT_TABLE=path`` writes the table to a file as well.
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

import pytest
from tests.contract.checklist import ROWS

WIRES = ("http sync", "http async", "grpc sync", "grpc async", "plain http", "raw grpc")
FILE = "CONTRACT_TABLE"
ROW = "row: row(*numbers): what of the client's checklist a test proves"
WIRE = "wires(*names): the wires of a test that its fixtures do not tell"


class Table:
    """Collects what became of the rows; a plugin."""

    def __init__(self) -> None:
        self._results: dict[int, list[str]] = defaultdict(list)
        self._wires: dict[int, set[str]] = defaultdict(set)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Hand on what a test proves, also from another process."""
        for mark in item.iter_markers("row"):
            item.user_properties.append(("rows", list(mark.args)))
            item.user_properties.append(("wires", wires_of(item)))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what became of one."""
        said = [value for name, value in report.user_properties if name == "rows"]
        if not said or (report.when != "call" and report.passed):
            return
        wires = dict(report.user_properties)["wires"]
        for number in {number for rows in said for number in rows}:
            self._results[number].append(report.outcome)
            self._wires[number].update(wires)

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter
    ) -> None:
        """Print it, if any row was looked at."""
        if not self._results:
            return
        lines = self.lines()
        terminalreporter.section("contract")
        for line in lines:
            terminalreporter.write_line(line.rstrip())
        if FILE in os.environ:
            Path(os.environ[FILE]).write_text("\n".join(lines) + "\n")

    def lines(self) -> list[str]:
        """One for each row, a head above and a sum below."""
        shown = [self._line(number) for number in ROWS]
        green = sum(self._result(number) == "passed" for number in ROWS)
        head = f"{'no':>3}  {'level':6}  {'result':7}  {'what':70}  wires"
        return [head, *shown, f"{green} of {len(ROWS)} rows green"]

    def _line(self, number: int) -> str:
        level, what = ROWS[number]
        wires = ", ".join(wire for wire in WIRES if wire in self._wires[number])
        return f"{number:>3}  {level:6}  {self._result(number):7}  {what:70}  {wires}"

    def _result(self, number: int) -> str:
        results = self._results[number]
        if not results:
            return "not run"
        return "passed" if set(results) == {"passed"} else "FAILED"


def wires_of(item: pytest.Item) -> list[str]:
    """Which wires a test speaks on, from the fixtures it has."""
    found = set()
    params = getattr(item, "callspec", None)
    if params is not None and "wire" in params.params:
        found.add(params.params["wire"].name)
    names = set(getattr(item, "fixturenames", ()))
    if "plain" in names:
        found.add("plain http")
    for mark in item.iter_markers("wires"):
        found.update(mark.args)
    return sorted(found)
