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
