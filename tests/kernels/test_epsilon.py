"""Greedy choice with exploration against a slow twin."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixkernels import epsilon

Reals = NDArray[np.float64]
UNIT = st.floats(0, 1, exclude_max=True)


def slow(
    means: list[float], new: list[bool], eps: float, draw: float, tie: float
) -> tuple[int, list[float]]:
    """The chosen arm, and the probability of every one."""
    scores = [math.inf if n else m for m, n in zip(means, new, strict=True)]
    best = [m for m, score in enumerate(scores) if score == max(scores)]
    chances = [eps / len(means)] * len(means)
    for m in best:
        chances[m] += (1 - eps) / len(best)
    if draw < eps:
        return min(int(draw / eps * len(means)), len(means) - 1), chances
    return best[int(tie * len(best))], chances


def select(
    total: Reals,
    pulls: NDArray[np.int64],
    eps: float,
    active: NDArray[np.bool_],
    in_flight: Reals,
    draws: Reals,
    ties: Reals,
) -> tuple[list[int], list[float]]:
    arms, p = np.empty(draws.size, dtype=np.int64), np.empty(draws.size)
    epsilon.select(total, pulls, eps, active, in_flight, draws, ties, arms, p)
    return arms.tolist(), p.tolist()


@given(
    st.integers(0, 2**32),
    st.sampled_from([0.0, 0.1, 0.7, 1.0]),
    st.lists(st.tuples(UNIT, UNIT), min_size=1, max_size=12),
)
def test_select_equals_the_slow_twin(
    seed: int, eps: float, chance: list[tuple[float, float]]
) -> None:
    rng = np.random.default_rng(seed)
    pulls, flying = rng.integers(0, 4, 5), rng.integers(0, 2, 5).astype(np.float64)
    means = rng.choice([-3.0, 0.25, 2.0], 5)
    active = rng.random(5) < 0.7
    active[rng.integers(5)] = True
    total = means * pulls
    average = total.sum() / pulls.sum() if pulls.any() else 0.0
    known = np.flatnonzero(active)
    believed = [float(means[k]) if pulls[k] else float(average) for k in known]
    new = [bool(pulls[k] + flying[k] == 0) for k in known]
    draws, ties = (np.array(column) for column in zip(*chance, strict=True))
    arms, p = select(total, pulls, eps, active, flying, draws, ties)
    for n, (draw, tie) in enumerate(chance):
        place, chances = slow(believed, new, eps, draw, tie)
        assert arms[n] == known[place]
        assert math.isclose(p[n], chances[place], rel_tol=1e-12)
        new[place] = False


def test_frequencies_are_the_propensities() -> None:
    rng = np.random.default_rng(2)
    total, pulls = np.array([1.0, 2.0, 2.0]), np.full(3, 4)
    blank, active = np.zeros(3), np.ones(3, dtype=np.bool_)
    arms, p = select(
        total, pulls, 0.3, active, blank, rng.random(90_000), rng.random(90_000)
    )
    np.testing.assert_allclose(p, np.array([0.1, 0.45, 0.45])[arms], rtol=1e-12)
    # four standard errors of a share of 90,000
    assert np.allclose(np.bincount(arms) / 90_000, [0.1, 0.45, 0.45], atol=0.007)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.floats(-1e300, 1e300)), max_size=40),
)
def test_fold_adds_up_and_saturates(log: list[tuple[int, float]]) -> None:
    slow_total, slow_pulls = [0.0] * 4, [0] * 4
    for arm, reward in log:
        slow_total[arm] = min(max(slow_total[arm] + reward, -1e300), 1e300)
        slow_pulls[arm] += 1
    total, pulls = np.zeros(4), np.zeros(4, dtype=np.int64)
    arms = np.array([arm for arm, _ in log], dtype=np.int64)
    rewards = np.array([reward for _, reward in log], dtype=np.float64)
    epsilon.fold(total, pulls, arms, rewards)
    assert total.tolist() == slow_total and pulls.tolist() == slow_pulls
