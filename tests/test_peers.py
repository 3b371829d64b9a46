"""Tests of the comparison with other libraries, on ours alone."""

from __future__ import annotations

import sys
from pathlib import Path

from bench.peers.__main__ import measure
from bench.peers.environment import PEERS
from bench.peers.environment import PINS
from bench.peers.library import Library
from bench.peers.problem import BETA
from bench.peers.problem import LEARN
from bench.peers.problem import LINEAR
from bench.peers.table import render


def test_ours_solves_the_problem_and_fills_every_table() -> None:
    with Library("qbrix", Path(sys.executable)) as library:
        rows = measure([library], 2)
    assert [row.kind for row in rows] == [LINEAR, BETA, LEARN]
    for row in rows[:2]:
        assert row.median("gain") > 0.8, row
    text = render(rows, "qbrix", {"river": "no compiler"})
    assert text.count("| qbrix ") == 3
    assert "river is not here: no compiler" in text


def test_every_peer_is_pinned() -> None:
    pinned = {line.partition("==")[0] for line in PINS.read_text().split()}
    assert set(PEERS) <= pinned
    assert "://" not in PINS.read_text()
