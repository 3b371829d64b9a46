"""Expected click rates, their errors, and the verdict."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from rich.console import Console

from qbrixcli.demo.report import report_outcomes
from qbrixcli.demo.report import verdict
from qbrixcli.demo.result import BATCHES
from qbrixcli.demo.result import Outcome
from qbrixcli.demo.result import behind
from qbrixcli.demo.result import outcome

UNIFORM = Outcome("uniform", 0.005, 0.0001, None)


def test_the_error_is_that_of_a_mean_when_decisions_are_independent() -> None:
    values = np.random.default_rng(0).normal(0.01, 0.002, 50_000)
    one = outcome("x", values)
    assert one.rate == pytest.approx(values.mean(), rel=1e-12)
    # the standard deviation of a chi of 99 degrees of freedom is about 7 %
    assert one.error == pytest.approx(0.002 / math.sqrt(50_000), rel=0.3)


def test_the_error_sees_dependence_between_neighbours() -> None:
    level = np.random.default_rng(0).normal(0.01, 0.002, BATCHES)
    one = outcome("x", np.repeat(level, 500))
    assert one.error == pytest.approx(level.std(ddof=1) / math.sqrt(BATCHES), rel=1e-9)


def test_too_few_decisions_are_refused() -> None:
    with pytest.raises(ValueError, match="100 batches"):
        outcome("x", np.zeros(99))


def test_the_lead_is_counted_in_errors_of_the_leader() -> None:
    one = Outcome("a", 0.008, 0.0005, 400)
    assert one.lead_in_errors(UNIFORM) == pytest.approx(6.0)
    assert Outcome("b", 0.005, 0.0, None).lead_in_errors(UNIFORM) == 0
    assert Outcome("c", 0.004, 0.0, None).lead_in_errors(UNIFORM) == -math.inf


@pytest.mark.parametrize(
    ("rate", "code"), [(0.0066, 0), (0.0064, 1), (0.004, 1), (math.nan, 1)]
)
def test_the_verdict_asks_for_more_than_three_errors(rate: float, code: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=120)
    one = Outcome("LinUCB", rate, 0.0005, 3)
    sure = Outcome("BetaTS", 0.009, 0.0005, 3)
    assert verdict([sure, one], UNIFORM, console) == code
    assert ("LinUCB does not lead" in out.getvalue()) == bool(code)
    assert "BetaTS does not lead" not in out.getvalue()
    assert behind([sure], UNIFORM) == []


def test_the_table_shows_rates_errors_and_leads() -> None:
    out = io.StringIO()
    best = Outcome("best fixed: item-17", 0.015, 0.00001, None)
    entrants = [Outcome("BetaTS", 0.009, 0.0005, 450)]
    report_outcomes(entrants, UNIFORM, best, Console(file=out, width=80))
    line = next(line for line in out.getvalue().splitlines() if "BetaTS" in line)
    cells = [cell.strip() for cell in line.split("│")]
    assert cells[1:-1] == [
        "BetaTS",
        "0.9000",
        "0.0500",
        "+0.4000",
        "+8.0",
        "-0.6000",
        "450",
    ]
