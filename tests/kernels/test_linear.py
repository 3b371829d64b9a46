"""Choosing for whole frames is choosing row by row, only faster."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from tests.kernels.ridges import Ridge
from tests.kernels.ridges import log

from qbrixkernels import linear
from qbrixkernels import ridge

DIMS = [*range(1, 10), linear.LANES, linear.LANES + 1, 2 * linear.LANES + 3]
COUNTS = [1, 2, linear.BLOCK - 1, linear.BLOCK, linear.BLOCK + 1, 3 * linear.BLOCK + 5]


@settings(max_examples=60)
@given(
    st.integers(0, 2**32),
    st.sampled_from(DIMS),
    st.sampled_from(COUNTS),
    st.booleans(),
)
def test_the_same_choices(seed: int, dim: int, count: int, flying: bool) -> None:
    rng = np.random.default_rng(seed)
    state = Ridge.fresh(4, dim, 10 ** rng.uniform(-1, 1)).fold(*log(60, 4, dim, seed))
    contexts = rng.standard_normal((count, dim)).astype(np.float32)
    unseen = rng.standard_normal((4, 3, dim))
    in_flight = unseen.transpose(0, 2, 1) @ unseen * rng.integers(0, 2, (4, 1, 1))
    given_ = np.ascontiguousarray(in_flight) if flying else None
    active = rng.random(4) < 0.7
    active[rng.integers(0, 4)] = True
    ties = rng.random(count)
    slow, p = state.select(contexts, 1.3, given_, ties, active)
    fast, q = state.select(
        contexts, 1.3, given_, ties, active, kernel=linear.select_optimistic
    )
    assert fast.tolist() == slow.tolist() and q.tolist() == p.tolist()


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.sampled_from(DIMS), st.sampled_from(COUNTS))
def test_the_same_marginals(seed: int, dim: int, count: int) -> None:
    state = Ridge.fresh(3, dim).fold(*log(60, 3, dim, seed))
    x = np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)
    active = np.array([True, False, True])
    found = []
    for module in (ridge, linear):
        means, deviations = np.full((count, 3), 9.0), np.full((count, 3), 9.0)
        module.marginals(state.inverse, state.theta, 0.7, x, active, means, deviations)
        found += [means, deviations]
    np.testing.assert_allclose(found[2], found[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[3], found[1], rtol=1e-9)


def test_one_frame_explores_every_arm() -> None:
    contexts = np.ones((40, 3), dtype=np.float32)
    arms, p = Ridge.fresh(4, 3).select(
        contexts, ties=np.full(40, 0.5), kernel=linear.select_optimistic
    )
    assert np.bincount(arms).tolist() == [10] * 4
    assert p[:8].tolist() == [1 / 4, 1 / 3, 1 / 2, 1.0] * 2


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_a_broken_state_still_chooses_an_active_arm(broken: float) -> None:
    state = Ridge.fresh(3, 2)
    state.theta[:] = broken
    active = np.array([False, True, False])
    contexts = np.full((20, 2), np.finfo(np.float32).max)
    arms, _ = state.select(contexts, active=active, kernel=linear.select_optimistic)
    assert (arms == 1).all()
