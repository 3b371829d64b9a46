"""Tests of the table of the latest micro-benchmarks."""

from __future__ import annotations

from typing import Any

from bench.table import render

RUN: dict[str, Any] = {
    "machine_info": {
        "cpu": {"brand_raw": "A CPU", "count": 2},
        "machine": "x86_64",
        "python_version": "3.11.7",
    },
    "commit_info": {"id": "0123456789abcdef", "dirty": True},
    "datetime": "2026-11-22T03:00:00+00:00",
    "benchmarks": [
        {
            "fullname": "bench/test_x.py::test_it[a]",
            "stats": {"median": 0.0012345, "iqr": 2e-6},
            "extra_info": {"us_per_request": 12.3456},
        }
    ],
}


def test_a_benchmark_is_a_row_with_what_was_derived_from_it() -> None:
    head, _, *table = render(RUN).splitlines()
    expected = "A CPU, 2 cores, Python 3.11.7, 2026-11-22, revision 0123456789"
    assert head == f"{expected} and changes"
    row = "| test_x.py::test_it[a] | 1,234.50 | 2.00 | 12.35 us per request |"
    assert table[-1] == row
