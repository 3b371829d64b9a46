"""The perturbed leader: its chances are exact, and it learns from losses."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from qbrixkernels import leader

Reals = NDArray[np.float64]


def chances(
    estimates: Reals, eta: float, active: NDArray[np.bool_] | None = None
) -> Reals:
    mask = np.ones(estimates.size, dtype=np.bool_) if active is None else active
    nodes, shares = np.polynomial.legendre.leggauss((estimates.size + 1) // 2)
    found = np.empty(estimates.size)
    leader.propensities(estimates, eta, mask, (nodes + 1) / 2, shares / 2, found)
    return found


def slow(estimates: Reals, eta: float) -> list[float]:
    """s_a ∫ Π (1 - s_b v) dv, the product multiplied out."""
    scales = np.exp((estimates - estimates.max()) / eta)
    found = []
    for a, scale in enumerate(scales):
        product = Polynomial([1.0])
        for b, other in enumerate(scales):
            if b != a:
                product *= Polynomial([1.0, -other])
        whole = product.integ()
        found.append(float(scale * (whole(1.0) - whole(0.0))))
    return found


@given(
    st.lists(st.floats(-60, 0), min_size=1, max_size=9), st.sampled_from([0.5, 5.0, 80])
)
def test_chances_equal_the_slow_twin(estimates: list[float], eta: float) -> None:
    found = chances(np.array(estimates), eta)
    np.testing.assert_allclose(found, slow(np.array(estimates), eta), rtol=1e-9)
    assert math.isclose(found.sum(), 1.0, rel_tol=1e-12)


@given(st.integers(1, 64), st.integers(0, 2**32))
def test_chances_sum_to_one(arms: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    active = rng.random(arms) < 0.8
    active[rng.integers(arms)] = True
    found = chances(rng.normal(0, 20, arms), 5.0, active)
    assert math.isclose(found.sum(), 1.0, rel_tol=1e-10)
    assert (found[active] > 0).all() and not found[~active].any()


def test_two_arms_have_a_closed_form() -> None:
    # with a gap g behind the leader the chance is exp(-g / eta) / 2
    for gap in (0.0, 1.0, 30.0):
        found = chances(np.array([-gap, 0.0]), 5.0)
        assert found[0] == pytest.approx(math.exp(-gap / 5.0) / 2, rel=1e-14)


def test_no_active_arm_is_impossible() -> None:
    found = chances(np.array([0.0, -1e12, -1e300]), 1e-3)
    assert found[0] == 1.0 and (found > 0).all()


def select(
    estimates: Reals, eta: float, active: NDArray[np.bool_], noise: Reals, ties: Reals
) -> NDArray[np.int64]:
    arms = np.empty(len(noise), dtype=np.int64)
    leader.select(estimates, eta, active, noise, ties, arms)
    return arms


def test_frequencies_are_the_chances() -> None:
    rng, count = np.random.default_rng(4), 100_000
    estimates = np.array([-9.0, 0.0, -2.0, -40.0, -1.0])
    active = np.array([True, True, True, True, False])
    expected = chances(estimates, 5.0, active)
    noise = rng.standard_exponential((count, 5))
    arms = select(estimates, 5.0, active, noise, rng.random(count))
    error = np.sqrt(expected * (1 - expected) / count) + 1e-9
    shares = np.bincount(arms, minlength=5) / count
    assert (np.abs(shares - expected) < 4.5 * error).all(), (shares, expected)


@given(st.integers(0, 2**32))
def test_select_takes_the_largest_sum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    estimates, noise = rng.normal(0, 3, 6), rng.standard_exponential((8, 6))
    active = rng.random(6) < 0.6
    active[rng.integers(6)] = True
    scores = np.where(active, estimates + 2.0 * noise, -np.inf)
    chosen = select(estimates, 2.0, active, noise, rng.random(8))
    assert chosen.tolist() == scores.argmax(axis=1).tolist()


def test_noise_beyond_measure_leaves_a_tie() -> None:
    active, noise = np.array([False, True, True]), np.full((2, 3), 10.0)
    with np.errstate(over="ignore"):
        arms = select(np.zeros(3), 1e308, active, noise, np.array([0.2, 0.7]))
    assert arms.tolist() == [1, 2]


ROW = st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(1e-12, 1))


@given(st.lists(ROW, max_size=40))
def test_fold_equals_the_slow_twin(log: list[tuple[int, float, float]]) -> None:
    slow_estimates, slow_clipped, slow_pulls = [0.0] * 4, [0] * 4, [0] * 4
    for arm, reward, p in log:
        slow_estimates[arm] -= (1 - reward) / max(p, 1e-6)
        slow_clipped[arm] += p < 1e-6
        slow_pulls[arm] += 1
    estimates = np.zeros(4)
    clipped, pulls = np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64)
    columns = ([row[i] for row in log] for i in range(3))
    arms, rewards, ps = (
        np.array(column, dtype=kind)
        for column, kind in zip(columns, "qdd", strict=True)
    )
    leader.fold(estimates, clipped, pulls, arms, rewards, ps)
    assert estimates.tolist() == slow_estimates
    assert clipped.tolist() == slow_clipped and pulls.tolist() == slow_pulls
