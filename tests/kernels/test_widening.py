"""Inverses that take in contexts alone."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from tests.kernels.ridges import Ridge
from tests.kernels.ridges import log

from qbrixkernels import widening


@given(st.integers(0, 200), st.integers(1, 12))
def test_absorbing_is_learning_without_rewards(count: int, dim: int) -> None:
    arms, rewards, vectors = log(count, 3, dim)
    learned = Ridge.fresh(3, dim).fold(arms, rewards, vectors)
    inverse = Ridge.fresh(3, dim).inverse
    widening.absorb(inverse, arms, vectors)
    np.testing.assert_array_equal(inverse, learned.inverse)
    assert (inverse == inverse.transpose(0, 2, 1)).all()


def test_a_context_beyond_all_measure_leaves_finite_numbers() -> None:
    inverse = Ridge.fresh(1, 4).inverse
    vectors = np.full((3, 4), 3e38, dtype=np.float32)
    widening.absorb(inverse, np.zeros(3, dtype=np.int64), vectors)
    assert np.isfinite(inverse).all()
