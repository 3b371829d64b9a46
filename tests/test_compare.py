"""Tests of the comparison with another revision."""

from __future__ import annotations

import pytest
from bench.compare import files
from bench.ratios import Ratio
from bench.ratios import ratios
from bench.ratios import render


def test_the_ratio_is_that_of_the_rounds_that_belong_together() -> None:
    here = [{"a": 2.0, "new": 1.0}, {"a": 30.0}, {"a": 3.0}]
    there = [{"a": 1.0}, {"a": 15.0, "old": 1.0}, {"a": 3.0}]
    assert ratios(here, there) == [Ratio("a", 3.0, 3.0, 2.0)]


def test_what_one_side_lacks_is_not_compared() -> None:
    assert ratios([{"a": 1.0}, {}], [{"b": 1.0}, {"a": 1.0}]) == []


def test_the_table_shows_what_differs_and_what_is_over_the_budget() -> None:
    found = [
        Ratio("bench/test_x.py::slower", 2e-6, 1e-6, 2.0),
        Ratio("bench/test_x.py::quicker", 1e-6, 2e-6, 0.5),
        Ratio("bench/test_x.py::same", 1e-6, 1e-6, 1.01),
    ]
    text = render(found, "v1", 1.15)
    assert "3 benchmarks beside v1" in text
    assert "1 over the budget of 1.15" in text
    assert "| test_x.py::slower | 2.00 | 1.00 | 2.000 **over** |" in text
    assert text.index("slower") < text.index("quicker")
    assert "same" not in text


@pytest.mark.parametrize("name", ["test_requests", "test_frames", "test_kernels"])
def test_what_is_measured_in_this_process_is_compared(name: str) -> None:
    assert name in files()
    assert "test_imports" not in files()
