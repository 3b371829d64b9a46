"""Prints what benchmarks derive from their times, below the table of times."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    session = getattr(config, "_benchmarksession", None)
    for done in session.benchmarks if session else ():
        for name, value in done.extra_info.items():
            terminalreporter.write_line(f"{done.name}: {value:,.6g} {name}")
