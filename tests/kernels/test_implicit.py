"""Implicit exploration against a slow twin, and the bias it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixkernels import weights

Reals = NDArray[np.float64]
ROW = st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0.001, 1))


def select(losses: Reals, eta: float, draws: Reals) -> tuple[NDArray[np.int64], Reals]:
    arms, p = np.empty(draws.size, dtype=np.int64), np.empty(draws.size)
    active = np.ones(losses.size, dtype=np.bool_)
    weights.select_implicit(losses, active, eta, draws, arms, p)
    return arms, p


@given(st.lists(st.floats(0, 1e4), min_size=4, max_size=4), st.floats(0, 0.1))
def test_probabilities_equal_the_slow_twin(losses: list[float], eta: float) -> None:
    grown = [math.exp(-eta * (loss - min(losses))) for loss in losses]
    expected = np.array(grown) / sum(grown)
    wide = expected > 1e-9
    draws = (np.cumsum(expected) - expected / 2)[wide]
    arms, p = select(np.array(losses), eta, draws)
    assert arms.tolist() == np.flatnonzero(wide).tolist()
    np.testing.assert_allclose(p, expected[wide], rtol=1e-9)


def test_rates_beyond_measure_choose_the_least_loss() -> None:
    with np.errstate(over="ignore"):
        arms, p = select(np.array([3e300, 1e-3, 2.0]), 1e308, np.array([0.0, 0.999]))
    assert arms.tolist() == [1, 1] and p.tolist() == [1.0, 1.0]


@given(
    st.lists(ROW, max_size=60), st.sampled_from([0.0, 0.05]), st.integers(0, 100_000)
)
def test_fold_equals_the_slow_twin(
    log: list[tuple[int, float, float]], eta: float, before: int
) -> None:
    slow, turn = [0.0] * 4, before
    for arm, reward, p in log:
        turn += 1
        rate = eta or math.sqrt(math.log(4) / (4 * turn))
        slow[arm] += (1 - reward) / (p + rate / 2)
    losses, pulls = np.zeros(4), np.array([before, 0, 0, 0])
    columns = ([row[i] for row in log] for i in range(3))
    arms, rewards, ps = (
        np.array(column, dtype=kind)
        for column, kind in zip(columns, "qdd", strict=True)
    )
    weights.fold_implicit(losses, pulls, eta, arms, rewards, ps)
    assert losses.tolist() == pytest.approx(slow, rel=1e-12)
    assert pulls.sum() == turn


def test_expectation_of_the_estimate_under_delay() -> None:
    # choices of one stale state, learned at the rate of the day: the estimate of
    # an arm must average loss * p / (p + gamma_t), gamma_t = eta_t / 2 at learning
    rng, count = np.random.default_rng(8), 20_000
    stale, means = np.array([0.0, 30.0, 150.0]), np.array([0.3, 0.6, 0.0])
    arms, p = select(stale, 0.03, rng.random(count))
    rewards = (rng.random(count) < means[arms]).astype(np.float64)
    losses, pulls = np.zeros(3), np.zeros(3, dtype=np.int64)
    weights.fold_implicit(losses, pulls, 0.0, arms, rewards, p)
    chances = np.exp(-0.03 * stale) / np.exp(-0.03 * stale).sum()
    turns = np.arange(1, count + 1)[:, None]
    gamma = np.sqrt(np.log(3) / (3 * turns)) / 2
    given_chosen = (1 - means) / (chances + gamma)
    expected = (given_chosen * chances).sum(axis=0)
    squares = ((1 - means) * chances / (chances + gamma) ** 2).sum(axis=0)
    deviation = np.sqrt(squares - (expected / count) ** 2 * count)
    assert (np.abs(losses - expected) < 4 * deviation).all(), (losses, expected)
    # and the bias is there: without gamma the mean would be the loss itself
    assert (expected + 4 * deviation < (1 - means) * count)[2]


def test_rate_of_a_reward_goes_by_its_number() -> None:
    rates = [weights.anytime(9, float(t)) for t in (1, 2, 100)]
    assert rates == pytest.approx(
        [math.sqrt(math.log(9) / (9 * t)) for t in (1, 2, 100)], rel=1e-15
    )
    assert weights.anytime(1, 7.0) == 0.0
