"""The kernels of several learners on one log, beside slow twins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixkernels import mixture

Reals = NDArray[np.float64]


def slow_credit(
    log: list[tuple[int, float, float]],
    odds: Reals,
    favourites: NDArray[np.int64],
    shares: Reals,
    chances: Reals,
    memories: Reals,
    recall: float,
    weighted: bool,
    unbounded: bool,
) -> tuple[Reals, Reals, Reals, Reals]:
    """Evidence, merit, moments and missed, one reward and one learner at a time."""
    free, arms = chances.shape
    evidence, merit = np.zeros((3, free, arms)), np.zeros((3, shares.size))
    moments, missed = np.zeros(3), np.zeros(arms)
    rewards: list[float] = []
    for n, (arm, reward, p) in enumerate(log):
        rewards.append(reward)
        fading = recall ** np.arange(len(rewards))[::-1]
        count = fading.sum()
        centre = moments[1] + (reward - moments[1]) / count
        squares = recall * moments[2] + (reward - moments[1]) * (reward - centre)
        moments[:] = count, centre, squares
        spread = math.sqrt(squares / count)
        worth = reward
        if unbounded:
            z = (reward - centre) / spread if spread else 0.0
            worth = float(np.clip(0.5 + z / 6.0, 0.0, 1.0))
        for i in range(shares.size):
            chance = chances[i, arm] if i < free else odds[n, i - free]
            w = min(chance / p, 10.0)
            merit[:, i] = merit[:, i] * recall + np.array([w * worth, w, w * w])
        for f in range(free):
            evidence[:, f] *= memories[f]
            w = min(1.0 / p, 10.0) if weighted else 1.0
            evidence[:, f, arm] += np.array([w * reward, w, w * w])
        merit[:, merit[1] < 1e-100] = 0.0
        for k in range(arms):
            expected = sum(shares[f] * chances[f, k] for f in range(free))
            expected += sum(
                shares[free + a] for a in range(odds.shape[1]) if favourites[n, a] == k
            )
            missed[k] += min(expected, 12.0 / 256.0)
        missed[arm] = 0.0
    return evidence, merit, moments, missed


@pytest.mark.parametrize("unbounded", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(0, 30))
def test_credit_is_that_of_the_slow_twin(
    seed: int, count: int, weighted: bool, unbounded: bool
) -> None:
    rng = np.random.default_rng(seed)
    arms, free, bounds = 4, 2, 2
    log = [
        (int(rng.integers(arms)), float(rng.random()), float(rng.uniform(0.02, 1.0)))
        for _ in range(count)
    ]
    odds = rng.choice(np.array([0.0, 0.5, 1.0]), (count, bounds))
    favourites = rng.integers(-1, arms, (count, bounds))
    shares = rng.dirichlet(np.ones(free + bounds))
    chances = rng.dirichlet(np.ones(arms), free)
    memories, recall = np.array([1.0, 0.9]), 0.97
    expected = slow_credit(
        log, odds, favourites, shares, chances, memories, recall, weighted, unbounded
    )
    evidence, merit = np.zeros((3, free, arms)), np.zeros((3, free + bounds))
    moments, missed = np.zeros(3), np.zeros(arms)
    mixture.credit(
        np.array([arm for arm, _, _ in log], dtype=np.int64),
        np.array([reward for _, reward, _ in log]),
        np.array([p for _, _, p in log]),
        odds,
        favourites,
        shares,
        chances,
        memories,
        recall,
        weighted,
        unbounded,
        evidence,
        merit,
        moments,
        missed,
    )
    for found, wanted in zip((evidence, merit, moments, missed), expected, strict=True):
        assert np.allclose(found, wanted, rtol=1e-9, atol=1e-12)
