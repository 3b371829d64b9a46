"""Beta posteriors against a slow twin."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.core import densely

from qbrixkernels import beta

Reals = NDArray[np.float64]

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


def slow_gamma(shape: float, pairs: Iterator[tuple[float, float]]) -> float:
    """Marsaglia and Tsang, figure 1, by the exact test alone."""
    d = shape - 1 / 3
    for x, u in pairs:
        v = (1 + x / math.sqrt(9 * d)) ** 3
        if v > 0 and math.log(u) < x * x / 2 + d - d * v + d * math.log(v):
            return d * v
    raise EOFError


def slow_draw(
    a: float, b: float, pairs: Iterator[tuple[float, float]], ends: Iterator[float]
) -> float:
    """log odds of the share of one gamma in two, small shapes with a power more."""
    won = math.log(slow_gamma(a if a >= 1 else a + 1, pairs))
    lost = math.log(slow_gamma(b if b >= 1 else b + 1, pairs))
    if a < 1 or b < 1:
        second, first = next(ends), next(ends)
        won += math.log(1 - first) / a if a < 1 else 0.0
        lost += math.log(1 - second) / b if b < 1 else 0.0
    return won - lost


def draws_of(
    alpha: Reals, shortfall: Reals, count: int, rng: np.random.Generator
) -> Reals:
    """(N, K), in as many goes as it takes."""
    draws, done = np.zeros((count, alpha.size)), 0
    everyone = np.ones(alpha.size, dtype=np.bool_)
    while done < draws.size:
        left = draws.size - done
        normals = rng.standard_normal(beta.trials(left))
        uniforms = rng.random(normals.size + beta.boosts(alpha, shortfall, left))
        done = beta.draw(alpha, shortfall, everyone, normals, uniforms, done, draws)
    return draws


SHAPES = st.floats(-2, 7).map(lambda exponent: 10**exponent)


@given(
    st.integers(0, 2**32),
    st.lists(st.tuples(SHAPES, SHAPES, st.booleans()), min_size=1, max_size=5),
    st.integers(1, 4),
)
def test_draws_equal_the_slow_twin(
    seed: int, arms: list[tuple[float, float, bool]], rows: int
) -> None:
    rng, size = np.random.default_rng(seed), len(arms)
    normals = rng.standard_normal(rows * size * 4)
    uniforms = rng.random(rows * size * 8)
    pairs = zip(normals.tolist(), uniforms.tolist(), strict=False)
    ends = iter(uniforms[::-1].tolist())
    draws = np.full((rows, size), np.nan)
    done = beta.draw(
        *np.array(arms, dtype=np.float64).T[:2].copy(),
        np.array([there for _, _, there in arms]),
        normals,
        uniforms,
        0,
        draws,
    )
    expected = []
    for place in range(rows * size):
        a, b, there = arms[place % size]
        try:
            expected.append(slow_draw(a, b, pairs, ends) if there else math.nan)
        except EOFError:
            break
    assert done == len(expected)
    theta = 1 / (1 + np.exp(np.minimum(-np.array(expected), 700)))
    np.testing.assert_allclose(draws.ravel()[:done], theta, rtol=1e-9, atol=1e-300)


@pytest.mark.parametrize(
    ("a", "b"),
    [(1, 1), (2, 3), (250, 250), (1e6, 3), (0.5, 0.5), (0.05, 0.2), (7, 0.2), (0.3, 4)],
)
def test_draws_have_the_beta_distribution(a: float, b: float) -> None:
    count = 40_000
    rng = np.random.default_rng(3)
    draws = np.sort(
        draws_of(np.array([float(a)]), np.array([float(b)]), count, rng)[:, 0]
    )
    places, shares = densely.beta_cdf(a, b)
    below = np.searchsorted(draws, 1 / (1 + np.exp(-places)), side="right") / count
    # the statistic of Kolmogorov and Smirnov: one sound sampler in 100,000 is above
    assert np.abs(below - shares).max() * math.sqrt(count) < 2.5


def test_draws_that_were_begun_are_begun_anew() -> None:
    # one draw at a time, with hardly enough numbers, is distributed no differently
    rng, alpha, shortfall = np.random.default_rng(4), np.ones(2), np.full(2, 0.4)
    found = []
    for _ in range(2000):
        draws, done = np.zeros((1, 2)), 0
        while done < 2:
            numbers = rng.standard_normal(3), rng.random(7)
            everyone = np.ones(2, dtype=np.bool_)
            done = beta.draw(alpha, shortfall, everyone, *numbers, done, draws)
        found.append(draws[0])
    expected = 1 / 1.4
    assert np.abs(np.mean(found, axis=0) - expected).max() < 0.03


def test_draws_at_the_ends_are_zero_and_one() -> None:
    rng = np.random.default_rng(5)
    draws = draws_of(
        np.array([1e-300, 1e300, 1.0]), np.array([1.0, 1.0, 1e-300]), 9, rng
    )
    assert draws.tolist() == [[0.0, 1.0, 1.0]] * 9


@pytest.mark.parametrize("broken", [math.nan, 0.0, -5.0, math.inf])
def test_a_broken_state_does_not_hang(broken: float) -> None:
    rng = np.random.default_rng(6)
    draws = draws_of(np.array([2.0, broken]), np.array([broken, 3.0]), 50, rng)
    assert draws.shape == (50, 2)
