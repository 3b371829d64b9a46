"""Exponential weights against a slow twin, and the estimate they learn from."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixkernels import weights

ROW = st.tuples(st.integers(0, 3), st.floats(0, 1), st.floats(0.001, 1))


def slow_probabilities(
    log_weights: list[float], active: list[bool], gamma: float
) -> list[float]:
    """(1 - gamma) w / sum w + gamma / K over the active arms."""
    top = max(w for w, on in zip(log_weights, active, strict=True) if on)
    grown = [
        math.exp(w - top) if on else 0.0
        for w, on in zip(log_weights, active, strict=True)
    ]
    return [
        (1 - gamma) * w / sum(grown) + gamma / sum(active) if on else 0.0
        for w, on in zip(grown, active, strict=True)
    ]


def select(
    log_weights: NDArray[np.float64],
    active: NDArray[np.bool_],
    gamma: float,
    draws: NDArray[np.float64],
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    arms, p = np.empty(draws.size, dtype=np.int64), np.empty(draws.size)
    weights.select_mixed(log_weights, active, gamma, draws, arms, p)
    return arms, p


@given(
    st.lists(st.floats(-800, 0), min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4).filter(any),
    st.floats(0, 1),
)
def test_propensities_equal_the_slow_twin(
    log_weights: list[float], active: list[bool], gamma: float
) -> None:
    expected = slow_probabilities(log_weights, active, gamma)
    # the middle of each arm's stretch of [0, 1) draws exactly that arm
    ends = np.cumsum(expected)
    draws = ends - np.array(expected) / 2
    wide = np.array(expected) > 1e-9
    arms, p = select(np.array(log_weights), np.array(active), gamma, draws[wide])
    assert arms.tolist() == np.flatnonzero(wide).tolist()
    np.testing.assert_allclose(p, np.array(expected)[wide], rtol=1e-12)


@given(
    st.lists(st.floats(-2000, 0), min_size=4, max_size=4),
    st.lists(st.booleans(), min_size=4, max_size=4).filter(any),
    st.sampled_from([0.0, 0.1, 1.0]),
)
def test_the_ends_of_the_interval_draw_possible_arms(
    log_weights: list[float], active: list[bool], gamma: float
) -> None:
    draws = np.array([0.0, np.nextafter(1.0, 0.0)])
    arms, p = select(np.array(log_weights), np.array(active), gamma, draws)
    assert all(active[arm] for arm in arms) and (p > 0).all()


@given(st.lists(ROW, max_size=60), st.floats(0, 1))
def test_fold_equals_the_slow_twin(
    log: list[tuple[int, float, float]], gamma: float
) -> None:
    slow = [0.0] * 4
    for arm, reward, p in log:
        slow[arm] += gamma / 4 * reward / p
    fast, pulls = np.zeros(4), np.zeros(4, dtype=np.int64)
    arms, rewards, ps = (np.array(c, dtype=t) for c, t in _columns(log))
    weights.fold_mixed(fast, pulls, gamma, arms, rewards, ps)
    np.testing.assert_allclose(fast, np.array(slow) - max(slow), atol=1e-9, rtol=1e-12)
    assert pulls.sum() == len(log) and fast.max() == 0.0


def test_estimate_is_unbiased_under_delay() -> None:
    # choices are made with the weights of 200 rewards ago; each learned gain, times
    # K / gamma, must average the mean reward of its arm
    rng, means, gamma = np.random.default_rng(5), np.array([0.2, 0.5, 0.7]), 0.3
    current, pulls = np.zeros(3), np.zeros(3, dtype=np.int64)
    frame, rounds = 200, 3000
    totals = np.zeros((rounds, 3))
    for turn in range(rounds):
        arms, p = select(current, np.ones(3, dtype=np.bool_), gamma, rng.random(frame))
        rewards = (rng.random(frame) < means[arms]).astype(np.float64)
        before = current.copy()
        weights.fold_mixed(current, pulls, gamma, arms, rewards, p)
        gained = current - before
        # undo the common shift: the arm estimates are relative, so compare differences
        totals[turn] = (gained - gained[0]) * 3 / gamma / frame
        if turn % 50 == 49:
            current = np.zeros(3)
    error = totals.std(axis=0)[1:] / np.sqrt(rounds)
    gap = totals.mean(axis=0)[1:] - (means - means[0])[1:]
    assert (np.abs(gap) < 4 * error).all(), (gap, error)


def _columns(
    log: list[tuple[int, float, float]],
) -> list[tuple[list[float], type[np.generic]]]:
    kinds: tuple[type[np.generic], ...] = (np.int64, np.float64, np.float64)
    return [([row[i] for row in log], kind) for i, kind in enumerate(kinds)]
