"""Bernoulli divergence and its upper bounds: exact values, edges, accuracy."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbrixkernels.divergence import EDGE
from qbrixkernels.divergence import bound
from qbrixkernels.divergence import divergence
from qbrixkernels.divergence import surely_below

MEANS = st.one_of(
    st.floats(0, 1),
    st.floats(-12, 0).map(lambda x: 10**x),
    st.floats(-12, 0).map(lambda x: 1 - 10**x),
)
BUDGETS = st.floats(-14, 3).map(lambda x: 10**x)


@pytest.mark.parametrize(
    ("p", "q", "expected"),
    [(0.1, 0.9, 1.757779), (0.4, 0.5, 0.020135), (0.01, 0.99, 4.503217)],
)
def test_divergence_of_known_pairs(p: float, q: float, expected: float) -> None:
    assert divergence(p, q) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    ("p", "budget", "expected"),
    [
        (0.1, 0.2, 0.378391548848),
        (0.5, 0.2, 0.787088816381),
        (0.9, 0.2, 0.994489489379),
        (0.1, 0.9, 0.734715064211),
    ],
)
def test_bounds_of_known_means(p: float, budget: float, expected: float) -> None:
    assert bound(p, budget) == pytest.approx(expected, abs=1e-11)


@given(BUDGETS)
def test_bounds_of_the_ends_are_closed_forms(budget: float) -> None:
    assert bound(0.0, budget) == pytest.approx(1 - math.exp(-budget), abs=1e-15)
    assert bound(1.0, budget) == 1.0


def test_no_budget_leaves_the_mean() -> None:
    assert [bound(p, 0.0) for p in (0.0, 0.3, 1.0)] == [0.0, 0.3, 1.0]


@given(MEANS, BUDGETS)
def test_the_bound_spends_the_budget(p: float, budget: float) -> None:
    q = bound(p, budget)
    assert p <= q <= 1.0
    below, above = max(q - 1e-9, p), q + 1e-9
    if EDGE < below:
        assert divergence(p, below) <= budget * (1 + 1e-12) + 1e-15
    if above < 1.0:
        assert divergence(p, above) >= budget * (1 - 1e-12) - 1e-15


@given(MEANS, BUDGETS, MEANS)
def test_surely_below_agrees_with_the_bound(p: float, budget: float, q: float) -> None:
    found = bound(p, budget)
    if surely_below(p, budget, q):
        assert found < q
    elif q < 1.0:
        assert found > q - 1e-7


@given(MEANS, BUDGETS)
def test_an_equal_arm_is_never_below(p: float, budget: float) -> None:
    assert not surely_below(p, budget, bound(p, budget))
