"""The probability that an arm is best, against exact sums and dense grids."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from tests.core import densely
from tests.core.densely import assert_close

from qbrixcore.policy import leading
from qbrixcore.policy import leading_means
from qbrixcore.policy.leading import Reals

SHAPE = st.floats(-2, 6).map(lambda exponent: 10**exponent)


def normals(means: list[float], deviations: list[float]) -> Reals:
    everyone = np.ones(len(means), dtype=np.bool_)
    rows = np.array([means], dtype=np.float64), np.array([deviations], dtype=np.float64)
    return leading.of_normals(*rows, everyone)[0]


def betas(alpha: list[float], beta: list[float]) -> Reals:
    everyone = np.ones(len(alpha), dtype=np.bool_)
    shapes = np.array(alpha, dtype=np.float64), np.array(beta, dtype=np.float64)
    return leading.of_betas(*shapes, everyone)


def dirichlets(counts: list[list[float]]) -> Reals:
    everyone = np.ones(len(counts), dtype=np.bool_)
    return leading_means.of_dirichlets(np.array(counts, dtype=np.float64), everyone)


@given(st.floats(-6, 6), st.floats(-8, 0), st.floats(-8, 0))
def test_two_normals(gap: float, first: float, second: float) -> None:
    s, t = 10**first, 10**second
    far = gap * math.hypot(s, t)
    better = math.erfc(-gap / math.sqrt(2)) / 2
    worse = math.erfc(gap / math.sqrt(2)) / 2
    assert_close(normals([far, 0.0], [s, t]), np.array([better, worse]))


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(st.floats(-3, 3), st.floats(-4, 0).map(lambda e: 10**e)),
        min_size=3,
        max_size=6,
    ),
    st.floats(0, 1),
)
def test_several_normals(arms: list[tuple[float, float]], nearness: float) -> None:
    means = [mean * nearness for mean, _ in arms]
    deviations = [deviation for _, deviation in arms]
    expected = densely.best_normal(means, deviations)
    assert_close(normals(means, deviations), expected)


@given(
    st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 60), st.integers(1, 3000)
)
def test_two_betas_exactly(a: int, b: int, c: int, d: int) -> None:
    better = densely.beats([a, c], [b, d])
    found = betas([a, c], [b, d])
    assert_close(found[1:], np.array([better]))
    assert found.sum() == pytest.approx(1.0, abs=1e-9)


@settings(max_examples=40)
@given(st.lists(st.tuples(SHAPE, SHAPE), min_size=2, max_size=5))
def test_betas_of_any_shape(arms: list[tuple[float, float]]) -> None:
    alpha, beta = [a for a, _ in arms], [b for _, b in arms]
    assert_close(betas(alpha, beta), densely.best_beta(alpha, beta))


@settings(max_examples=40)
@given(
    st.floats(0.05, 0.95),
    st.lists(st.tuples(st.floats(1, 7), st.floats(-4, 4)), min_size=2, max_size=5),
)
def test_betas_of_any_width_that_overlap(
    middle: float, arms: list[tuple[float, float]]
) -> None:
    sizes = [10**exponent for exponent, _ in arms]
    widest = math.sqrt(middle * (1 - middle) / min(sizes))
    means = [min(max(middle + 0.4 * shift * widest, 0.01), 0.99) for _, shift in arms]
    alpha = [size * mean for size, mean in zip(sizes, means, strict=True)]
    beta = [size * (1 - mean) for size, mean in zip(sizes, means, strict=True)]
    assert_close(betas(alpha, beta), densely.best_beta(alpha, beta))


@settings(max_examples=15)
@given(st.data(), st.sampled_from([3, 5, 11]), st.sampled_from([0.25, 0.5, 1.0]))
def test_means_of_dirichlets(data: st.DataObject, outcomes: int, prior: float) -> None:
    seen = st.one_of(st.just(0.0), st.floats(0, 1.7).map(lambda e: 10**e))
    counts = [
        [prior + data.draw(seen) for _ in range(outcomes)]
        for _ in range(data.draw(st.integers(2, 3)))
    ]
    # the grid is good to 1e-6, so what is rare is for the next test
    expected = densely.best_dirichlet(counts, steps=500)
    found = dirichlets(counts)
    assert np.abs(found - expected).max() <= 1e-4, (found, expected)
    large = expected > 1e-3
    np.testing.assert_allclose(found[large], expected[large], rtol=0.01)


@given(
    st.integers(2, 500), st.integers(2, 500), st.integers(2, 40), st.integers(2, 500)
)
def test_outcomes_that_hardly_happen_leave_a_beta(
    a: int, b: int, c: int, d: int
) -> None:
    never = 1e-13
    found = dirichlets([[b, never, a], [d, never, c]])
    assert_close(found[1:], np.array([densely.beats([a, c], [b, d])]))
    assert found.sum() == pytest.approx(1.0, abs=1e-9)


def test_two_outcomes_are_a_beta() -> None:
    found = dirichlets([[3.0, 9.0], [2.5, 2.5]])
    assert found.tolist() == betas([9.0, 2.5], [3.0, 2.5]).tolist()


def test_the_widest_against_the_narrowest() -> None:
    # by symmetry, and exactly where the narrow one is as good as a point
    assert_close(betas([1, 1e6], [1, 1e6]), np.array([0.5, 0.5]))
    assert_close(betas([1, 3e6], [1, 1e6]), np.array([0.25, 0.75]))
    assert_close(normals([0, 0], [1, 1e-6]), np.array([0.5, 0.5]))
    p = math.erfc(4.5 / math.sqrt(2)) / 2
    assert_close(normals([0, 4.5], [1, 1e-9]), np.array([p, 1 - p]))


@pytest.mark.parametrize("arms", [2, 3, 10, 100, 1000])
def test_equal_arms_are_equally_likely(arms: int) -> None:
    expected = np.full(arms, 1 / arms)
    for alpha, beta in ((1, 1), (30, 70), (0.05, 0.02), (1e-6, 1e-7), (1e9, 3)):
        found = betas([alpha] * arms, [beta] * arms)
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    np.testing.assert_allclose(normals([0.3] * arms, [0.1] * arms), expected, rtol=1e-6)
    found = dirichlets([[1.0, 5.0, 2.5]] * arms)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@given(st.floats(-3, 3), st.floats(-3, 3), st.integers(1, 300), st.integers(1, 300))
def test_many_arms_of_two_kinds(a: float, b: float, m: int, n: int) -> None:
    # m arms like the first and n like the second: one dense integral of two densities
    places = np.linspace(-12, 12, 40_001)
    first = np.exp(-0.5 * (places - a / 3) ** 2)
    second = np.exp(-0.5 * ((places - b / 3) / 0.5) ** 2)
    first, second = first / first.sum(), second / second.sum()
    below = (np.cumsum(first) - first / 2) ** (m - 1), np.cumsum(second) - second / 2
    share = m * float((first * below[0] * below[1] ** n).sum())
    found = normals([a / 3] * m + [b / 3] * n, [1.0] * m + [0.5] * n)
    assert_close(np.array([found[:m].sum()]), np.array([share]))


def test_arms_whose_draws_are_one_to_double_precision() -> None:
    # of Beta(1, b) the share 2^(-54 b) rounds to 1
    sizes = [1e-3, 3e-3, 1e-2]
    found = betas([1.0] * 3, sizes)
    assert_close(found, densely.best_beta([1.0] * 3, sizes))
    draws = np.random.default_rng(0).beta([1.0] * 3, sizes, (400_000, 3))
    best = draws == draws.max(axis=1, keepdims=True)
    seen = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(found, seen, atol=4e-3)


def test_arms_whose_draws_are_zero() -> None:
    alpha, beta = [1e-4, 1e-3, 1e-2], [3.0, 3.0, 3.0]
    found = betas(alpha, beta)
    draws = np.random.default_rng(1).beta(alpha, beta, (400_000, 3))
    best = draws == draws.max(axis=1, keepdims=True)
    seen = (best / best.sum(axis=1, keepdims=True)).mean(axis=0)
    np.testing.assert_allclose(found, seen, atol=4e-3)


EXTREMES = [1e-300, 1e-9, 1e-3, 1.0, 1e6, 1e15, 1e300]


@given(
    st.lists(
        st.tuples(st.sampled_from(EXTREMES), st.sampled_from(EXTREMES)),
        min_size=1,
        max_size=6,
    ),
    st.data(),
)
def test_every_beta_has_a_distribution(
    arms: list[tuple[float, float]], data: st.DataObject
) -> None:
    active = np.array(data.draw(st.lists(st.booleans(), min_size=6, max_size=6)))
    active = active[: len(arms)]
    active[0] |= not active.any()
    alpha, beta = np.array(arms).T
    found = leading.of_betas(alpha, beta, active)
    assert ((found > 0) == active).all()
    assert found.sum() == pytest.approx(1.0, abs=1e-9)


WILD = [0.0, 1e-320, 1e-12, 1.0, 1e9, 1e200, 1.7e308]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*WILD, -1.0, -1e9, -1.7e308, math.nan]),
            st.sampled_from(WILD),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_every_normal_has_a_distribution(arms: list[tuple[float, float]]) -> None:
    found = normals([mean for mean, _ in arms], [spread for _, spread in arms])
    assert (found > 0).all() and found.sum() == pytest.approx(1.0, abs=1e-9)


def test_arms_without_a_width() -> None:
    assert normals([0.5, 0.5, 0.5], [0, 0, 0]).tolist() == pytest.approx([1 / 3] * 3)
    assert normals([0.5, 0.5, 0.5], [0, 0, 1]).tolist() == pytest.approx(
        [0.25] * 2 + [0.5]
    )
    after = float(np.nextafter(0.5, 1))
    assert normals([0.5, after], [0, 0])[1] == pytest.approx(1.0)


def test_inactive_arms_do_not_count() -> None:
    active = np.array([True, False, True])
    found = leading.of_betas(np.array([3.0, 900.0, 5.0]), np.full(3, 4.0), active)
    pair = betas([3.0, 5.0], [4.0, 4.0])
    assert found.tolist() == [pair[0], 0.0, pair[1]]
    means, spreads = np.array([[0.0, 9.0, 0.5]]), np.array([[1.0, 1.0, 2.0]])
    found = leading.of_normals(means, spreads, active)[0]
    alone = normals([0.0, 0.5], [1.0, 2.0])
    np.testing.assert_allclose(found, [alone[0], 0.0, alone[1]], rtol=1e-12)


def test_no_active_arm_is_impossible() -> None:
    for found in (
        betas([1.0, 1e6], [1e6, 1.0]),
        normals([0.0, 1e9], [1.0, 1.0]),
        dirichlets([[1e5, 1, 1, 1], [1, 1, 1, 1e5]]),
    ):
        assert 0 < found[0] <= 1e-11 and found[1] == pytest.approx(1.0)
