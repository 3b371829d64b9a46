"""Beta posteriors against a slow twin."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from qbrixkernels import beta

ROW = st.tuples(st.integers(0, 3), st.floats(0, 1))


@given(st.lists(ROW, max_size=50), st.floats(0.01, 100))
def test_fold_equals_the_slow_twin(log: list[tuple[int, float]], prior: float) -> None:
    alpha, shortfall = [prior] * 4, [1.0] * 4
    pulls = [0] * 4
    for arm, reward in log:
        alpha[arm] += reward
        shortfall[arm] += 1 - reward
        pulls[arm] += 1
    fast = np.full(4, prior), np.ones(4), np.zeros(4, dtype=np.int64)
    arms = np.array([arm for arm, _ in log], dtype=np.int64)
    beta.fold(*fast, arms, np.array([reward for _, reward in log], dtype=np.float64))
    assert [array.tolist() for array in fast] == [alpha, shortfall, pulls]


@given(st.lists(ROW, max_size=50), st.floats(0.01, 1))
def test_discounted_fold_equals_the_slow_twin(
    log: list[tuple[int, float]], gamma: float
) -> None:
    # every reward is worth gamma to the power of how many came after it
    successes, failures = [0.0] * 4, [0.0] * 4
    for age, (arm, reward) in enumerate(reversed(log)):
        successes[arm] += reward * gamma**age
        failures[arm] += (1 - reward) * gamma**age
    fast = np.zeros(4), np.zeros(4)
    pulls = np.zeros(4, dtype=np.int64)
    arms = np.array([arm for arm, _ in log], dtype=np.int64)
    rewards = np.array([reward for _, reward in log], dtype=np.float64)
    beta.fold_discounted(*fast, pulls, gamma, arms, rewards)
    np.testing.assert_allclose(fast[0], successes, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(fast[1], failures, rtol=1e-9, atol=1e-12)
    assert pulls.sum() == len(log)


def test_what_is_forgotten_becomes_nothing() -> None:
    successes, failures = np.array([1.0, 0.0]), np.zeros(2)
    arms, rewards = np.ones(2000, dtype=np.int64), np.ones(2000)
    beta.fold_discounted(
        successes, failures, np.zeros(2, dtype=np.int64), 0.5, arms, rewards
    )
    assert successes.tolist() == [0.0, 2.0] and failures.tolist() == [0.0, 0.0]
