"""Normal posteriors against a slow twin."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbrixkernels import gaussian

ROW = st.tuples(st.integers(0, 2), st.floats(-1e6, 1e6))
PRECISION = st.floats(-6, 6).map(lambda exponent: 10**exponent)


@given(st.lists(ROW, max_size=40), st.floats(-10, 10), PRECISION, PRECISION)
def test_fold_equals_the_slow_twin(
    log: list[tuple[int, float]], prior: float, precision: float, noise: float
) -> None:
    # the posterior as sums of exact fractions, not step by step
    weights = [Fraction(precision)] * 3
    totals = [Fraction(precision) * Fraction(prior)] * 3
    for arm, reward in log:
        weights[arm] += Fraction(noise)
        totals[arm] += Fraction(noise) * Fraction(reward)
    mean, sharp = np.full(3, prior), np.full(3, precision)
    pulls = np.zeros(3, dtype=np.int64)
    arms = np.array([arm for arm, _ in log], dtype=np.int64)
    rewards = np.array([reward for _, reward in log], dtype=np.float64)
    gaussian.fold(mean, sharp, pulls, noise, arms, rewards)
    expected = [float(t / w) for t, w in zip(totals, weights, strict=True)]
    np.testing.assert_allclose(mean, expected, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(sharp, [float(w) for w in weights], rtol=1e-12)
    assert pulls.tolist() == [sum(a == k for a, _ in log) for k in range(3)]


@pytest.mark.parametrize("noise", [1e-320, 1.0, 1e308])
def test_the_largest_rewards_overflow_nothing(noise: float) -> None:
    largest = np.finfo(np.float64).max
    mean, precision = np.zeros(1), np.full(1, 1e-320)
    rewards = np.array([largest, -largest] * 500)
    pulls, arms = np.zeros(1, dtype=np.int64), np.zeros(1000, dtype=np.int64)
    gaussian.fold(mean, precision, pulls, noise, arms, rewards)
    assert np.isfinite(mean).all() and np.isfinite(precision).all()
