"""``qbrix demo`` on the real system, from its first line to its last process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

QBRIX = Path(sys.executable).with_name("qbrix")
LONGEST_SEC = 180
ROWS = ("BetaTS", "LinUCB alpha=0.05", "uniform", "best fixed: item-17")


def test_a_tenth_of_the_demo_ends_well_and_leaves_nothing(directory: Path) -> None:
    done = subprocess.run(
        [QBRIX, "demo", "--fast"],
        env={**os.environ, "TMPDIR": str(directory), "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=LONGEST_SEC,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("1,000 selects") == 2
    assert "10,000 of 10,000 selections" in done.stdout
    _, _, table = done.stdout.rpartition("expected click rate")
    rates = {row: _rate(table, row) for row in ROWS}
    assert rates["uniform"] == pytest.approx(0.482, abs=0.002)
    assert rates["best fixed: item-17"] == pytest.approx(1.52, abs=0.02)
    for decided in ROWS[:2]:
        assert 0.3 < rates[decided] < rates["best fixed: item-17"]
    assert not list(directory.iterdir())
    assert not [one for one in psutil.process_iter() if _is_below(one, directory)]


def _rate(table: str, row: str) -> float:
    line = next(line for line in table.splitlines() if f"│ {row} " in line)
    return float(line.split("│")[2])


def _is_below(process: psutil.Process, directory: Path) -> bool:
    try:
        return any(str(directory) in word for word in process.cmdline())
    except psutil.Error:
        return False
