"""Ridge regression against batch solutions and a slow twin of choosing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.kernels.ridges import Reals
from tests.kernels.ridges import Ridge
from tests.kernels.ridges import log

from qbrixkernels import ridge


@pytest.mark.parametrize(("dim", "penalty"), [(1, 1.0), (7, 0.1), (20, 10.0)])
def test_incremental_equals_batch(dim: int, penalty: float) -> None:
    arms, rewards, vectors = log(3000, 2, dim)
    state = Ridge.fresh(2, dim, penalty).fold(arms, rewards, vectors)
    for arm in range(2):
        x = vectors[arms == arm].astype(np.float64)
        gram = penalty * np.eye(dim) + x.T @ x
        expected = np.linalg.solve(gram, x.T @ rewards[arms == arm])
        np.testing.assert_allclose(state.theta[arm], expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(state.inverse[arm], np.linalg.inv(gram), atol=1e-11)


@given(st.integers(1, 12), st.integers(0, 2**32), st.floats(-6, 6))
def test_invert_equals_numpy(size: int, seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((size + 2, size)) * 10**scale
    gram = x.T @ x + 10 ** (2 * scale) * np.eye(size)
    inverse = np.empty((size, size))
    ridge.invert(gram, inverse)
    expected = np.linalg.inv(gram)
    np.testing.assert_allclose(inverse, expected, rtol=1e-7, atol=expected.max() * 1e-9)
    assert (inverse == inverse.T).all()


def test_invert_of_a_singular_matrix_is_finite() -> None:
    direction = np.linspace(-1e19, 1e19, 200)
    inverse = np.empty((200, 200))
    ridge.invert(np.outer(direction, direction) + 1e-9 * np.eye(200), inverse)
    assert np.isfinite(inverse).all() and (np.diag(inverse) > 0).all()


def test_inverse_stays_exact_after_many_updates() -> None:
    arms, rewards, vectors = log(200_000, 1, 8)
    state = Ridge.fresh(1, 8).fold(arms, rewards, vectors)
    product = state.gram[0] @ state.inverse[0]
    np.testing.assert_allclose(product, np.eye(8), atol=1e-11)
    assert (state.inverse[0] == state.inverse[0].T).all()
    assert (np.linalg.eigvalsh(state.inverse[0]) > 0).all()


def test_refactorising_goes_by_the_count_of_updates() -> None:
    arms, rewards, vectors = log(2 * ridge.REFACTORISE_EVERY, 1, 4)
    state = Ridge.fresh(1, 4)
    damage = np.full((1, 4, 4), 1e-3)
    last = ridge.REFACTORISE_EVERY - 1
    state.fold(arms[:last], rewards[:last], vectors[:last])
    state.inverse += damage
    state.fold(arms[last : last + 1], rewards[:1], vectors[last : last + 1])
    np.testing.assert_allclose(state.gram[0] @ state.inverse[0], np.eye(4), atol=1e-12)


def test_any_split_and_order_across_refactorising() -> None:
    rows = 3 * ridge.REFACTORISE_EVERY + 5
    arms, rewards, vectors = log(rows, 1, 5)
    whole = Ridge.fresh(1, 5).fold(arms, rewards, vectors)
    parts = Ridge.fresh(1, 5)
    for start in range(0, rows, 97):
        cut = slice(start, start + 97)
        parts.fold(arms[cut], rewards[cut], vectors[cut])
    assert whole.inverse.tobytes() == parts.inverse.tobytes()
    assert whole.theta.tobytes() == parts.theta.tobytes()
    order = np.random.default_rng(1).permutation(rows)
    mixed = Ridge.fresh(1, 5).fold(arms, rewards[order], vectors[order])
    np.testing.assert_allclose(mixed.theta, whole.theta, rtol=1e-9)


def test_badly_scaled_features_do_not_break_the_inverse() -> None:
    rng = np.random.default_rng(3)
    vectors = rng.standard_normal((500, 3)).astype(np.float32) * np.float32(1e4)
    arms = np.zeros(500, dtype=np.int64)
    state = Ridge.fresh(1, 3, 1e-9).fold(arms, rng.standard_normal(500), vectors)
    np.testing.assert_allclose(state.gram[0] @ state.inverse[0], np.eye(3), atol=1e-7)


def test_cold_arm_index_is_the_norm_over_the_root_of_ridge() -> None:
    # two arms: a cold one, and one whose score is known to lie just around it
    context = np.array([[0.6, 0.8]], dtype=np.float32)
    cold = np.linalg.norm(context.astype(np.float64)) / np.sqrt(10.0)
    assert cold == pytest.approx(0.316, abs=1e-3)
    for offset, expected in ((-1e-6, 0), (1e-6, 1)):
        state = Ridge.fresh(2, 2, 10.0)
        state.inverse[1] = 0.0
        state.theta[1] = context[0] * (cold + offset) / (cold**2 * 10.0)
        assert state.select(context)[0].tolist() == [expected]


def slow_select(
    state: Ridge, contexts: NDArray[np.float32], alpha: float, in_flight: Reals
) -> list[int]:
    """LinUCB in the words of the paper; each choice widens its arm's gram."""
    grams = state.gram + in_flight
    chosen = []
    for row in contexts.astype(np.float64):
        scores = [
            row @ theta + alpha * np.sqrt(row @ np.linalg.inv(gram) @ row)
            for gram, theta in zip(grams, state.theta, strict=True)
        ]
        arm = int(np.argmax(scores))
        grams[arm] += np.outer(row, row)
        chosen.append(arm)
    return chosen


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 6), st.booleans())
def test_select_equals_the_slow_twin(seed: int, dim: int, flying: bool) -> None:
    rng = np.random.default_rng(seed)
    state = Ridge.fresh(4, dim).fold(*log(60, 4, dim, seed))
    contexts = rng.standard_normal((40, dim)).astype(np.float32)
    unseen = rng.standard_normal((4, 3, dim))
    in_flight = unseen.transpose(0, 2, 1) @ unseen * rng.integers(0, 2, (4, 1, 1))
    in_flight = in_flight if flying else np.zeros((4, dim, dim))
    fast, p = state.select(contexts, 1.3, np.ascontiguousarray(in_flight))
    assert fast.tolist() == slow_select(state, contexts, 1.3, in_flight)
    assert (p == 1.0).all()


def test_one_frame_explores_every_arm() -> None:
    contexts = np.ones((8, 3), dtype=np.float32)
    arms, p = Ridge.fresh(4, 3).select(contexts, ties=np.full(8, 0.5))
    assert np.bincount(arms, minlength=4).tolist() == [2, 2, 2, 2]
    # four equal arms, then three, two and one; then the second round
    assert p.tolist() == [1 / 4, 1 / 3, 1 / 2, 1.0] * 2


def test_ties_are_settled_evenly_among_active_arms() -> None:
    ties = (np.arange(900) + 0.5) / 900
    active = np.array([True, False, True, True])
    context = np.ones((1, 2), dtype=np.float32)
    chosen = [
        int(
            Ridge.fresh(4, 2).select(context, ties=ties[i : i + 1], active=active)[0][0]
        )
        for i in range(900)
    ]
    assert np.bincount(chosen, minlength=4).tolist() == [300, 0, 300, 300]


def test_a_state_that_is_not_a_number_still_chooses_an_active_arm() -> None:
    state = Ridge.fresh(3, 2)
    state.theta[:] = np.nan
    active = np.array([False, True, False])
    arms, _ = state.select(np.ones((4, 2), dtype=np.float32), active=active)
    assert (arms == 1).all()


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_marginals_equal_the_slow_twin(seed: int, dim: int) -> None:
    state = Ridge.fresh(3, dim).fold(*log(60, 3, dim, seed))
    x = np.random.default_rng(seed).standard_normal((5, dim)).astype(np.float32)
    means, deviations = np.full((5, 3), 9.0), np.full((5, 3), 9.0)
    active = np.array([True, False, True])
    ridge.marginals(state.inverse, state.theta, 0.7, x, active, means, deviations)
    for arm in (0, 2):
        expected = np.einsum("ni,ij,nj->n", x, np.linalg.inv(state.gram[arm]), x)
        np.testing.assert_allclose(means[:, arm], x @ state.theta[arm], rtol=1e-9)
        np.testing.assert_allclose(
            deviations[:, arm], 0.7 * np.sqrt(expected), rtol=1e-9
        )
    assert (means[:, 1] == 9.0).all() and (deviations[:, 1] == 9.0).all()
