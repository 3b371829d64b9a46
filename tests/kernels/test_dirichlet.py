"""Dirichlet posteriors against a slow twin."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbrixkernels import dirichlet

ROW = st.tuples(st.integers(0, 2), st.floats(0, 1))


def folded(
    outcomes: int, arms: list[int], rewards: list[float]
) -> tuple[np.ndarray[tuple[int, int], np.dtype[np.float64]], list[int]]:
    counts, pulls = np.zeros((3, outcomes)), np.zeros(3, dtype=np.int64)
    dirichlet.fold(
        counts,
        pulls,
        np.array(arms, dtype=np.int64),
        np.array(rewards, dtype=np.float64),
    )
    return counts, pulls.tolist()


@given(st.lists(ROW, max_size=40), st.integers(2, 101))
def test_fold_equals_the_slow_twin(log: list[tuple[int, float]], outcomes: int) -> None:
    expected = [[Fraction(0)] * outcomes for _ in range(3)]
    for arm, reward in log:
        for m in range(outcomes):
            distance = abs(Fraction(reward) * (outcomes - 1) - m)
            expected[arm][m] += max(Fraction(0), 1 - distance)
    counts, pulls = folded(outcomes, [a for a, _ in log], [r for _, r in log])
    np.testing.assert_allclose(
        counts, [[float(c) for c in row] for row in expected], atol=1e-12
    )
    assert pulls == [sum(a == k for a, _ in log) for k in range(3)]


def test_a_reward_on_the_grid_counts_whole() -> None:
    counts, _ = folded(11, [0, 0, 0], [0.0, 0.5, 1.0])
    assert counts[0].tolist() == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]


def test_a_reward_between_outcomes_is_split_and_keeps_the_mean() -> None:
    counts, _ = folded(11, [1], [0.27])
    assert np.flatnonzero(counts[1]).tolist() == [2, 3]
    assert counts[1].tolist()[2:4] == pytest.approx([0.3, 0.7])
    assert counts[1] @ np.linspace(0, 1, 11) == pytest.approx(0.27)


@given(st.integers(2, 101), st.integers(1, 4), st.integers(0, 2**32))
def test_score_is_the_mean_outcome(outcomes: int, arms: int, seed: int) -> None:
    weights = np.random.default_rng(seed).standard_gamma(0.7, (5, arms, outcomes))
    scores = np.empty((5, arms))
    dirichlet.score(weights, scores)
    expected = weights @ np.linspace(0, 1, outcomes) / weights.sum(axis=2)
    np.testing.assert_allclose(scores, expected, rtol=1e-12)
