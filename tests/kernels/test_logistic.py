"""Online logistic regression against full matrices, and against what it estimates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixkernels import logistic

Reals = NDArray[np.float64]


@dataclass
class Logistic:
    """The arrays of K arms and D features."""

    factor: Reals
    mean: Reals
    pulls: NDArray[np.int64]

    @classmethod
    def fresh(cls, arms: int, dim: int, precision: float = 1.0) -> Logistic:
        factor = np.zeros((arms, dim * (dim + 1) // 2))
        factor[:, [(row + 1) * (row + 2) // 2 - 1 for row in range(dim)]] = (
            1 / precision
        )
        return cls(factor, np.zeros((arms, dim)), np.zeros(arms, dtype=np.int64))

    def fold(
        self, arms: NDArray[np.int64], rewards: Reals, vectors: NDArray[np.float32]
    ) -> Logistic:
        logistic.fold(self.factor, self.mean, self.pulls, arms, rewards, vectors)
        return self

    def covariance(self, arm: int) -> Reals:
        """Σ = LᵀVL, unpacked."""
        dim = self.mean.shape[1]
        lower = np.zeros((dim, dim))
        lower[np.tril_indices(dim)] = self.factor[arm]
        variances = np.diag(lower).copy()
        np.fill_diagonal(lower, 1.0)
        return np.asarray(lower.T * variances @ lower)

    def marginals(
        self, contexts: NDArray[np.float32], scale: float = 1.0
    ) -> tuple[Reals, Reals]:
        shape = len(contexts), len(self.mean)
        means, deviations = np.zeros(shape), np.zeros(shape)
        everyone = np.ones(len(self.mean), dtype=np.bool_)
        logistic.marginals(
            self.factor, self.mean, scale, contexts, everyone, means, deviations
        )
        return means, deviations


def log(
    rows: int, arms: int, dim: int, seed: int
) -> tuple[NDArray[np.int64], Reals, NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return (
        rng.integers(0, arms, rows),
        rng.integers(0, 2, rows).astype(np.float64),
        rng.standard_normal((rows, dim)).astype(np.float32),
    )


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 8), st.floats(-3, 3), st.floats(-2, 1))
def test_fold_and_marginals_equal_the_slow_twin(
    seed: int, dim: int, exponent: float, size: float
) -> None:
    prior = 10**exponent
    arms, rewards, vectors = log(80, 2, dim, seed)
    vectors *= np.float32(10**size)
    fast = Logistic.fresh(2, dim, prior).fold(arms, rewards, vectors)
    precision = [prior * np.eye(dim) for _ in range(2)]
    means = np.zeros((2, dim))
    for arm, reward, row in zip(arms, rewards, vectors.astype(np.float64), strict=True):
        p = 0.5 * (1 + math.tanh(row @ means[arm] / 2))
        precision[arm] += p * (1 - p) * np.outer(row, row)
        means[arm] += np.linalg.solve(precision[arm], row) * (reward - p)
    np.testing.assert_allclose(fast.mean, means, rtol=1e-6, atol=1e-9)
    found_means, found_deviations = fast.marginals(vectors[:5], 1.7)
    x = vectors[:5].astype(np.float64)
    np.testing.assert_allclose(found_means, x @ means.T, rtol=1e-6, atol=1e-8)
    for arm in range(2):
        covariance = np.linalg.inv(precision[arm])
        np.testing.assert_allclose(fast.covariance(arm), covariance, rtol=1e-5)
        deviations = 1.7 * np.sqrt(np.einsum("ni,ij,nj->n", x, covariance, x))
        np.testing.assert_allclose(found_deviations[:, arm], deviations, rtol=1e-6)
    assert fast.pulls.tolist() == np.bincount(arms, minlength=2).tolist()


def test_a_million_rewards_leave_a_covariance() -> None:
    arms, rewards, vectors = log(1_000_000, 1, 6, 1)
    state = Logistic.fresh(1, 6).fold(arms, rewards, vectors)
    covariance = state.covariance(0)
    assert (np.linalg.eigvalsh(covariance) > 0).all()
    # no feature says anything: weights near zero, and 1 / (4 n) of variance each
    np.testing.assert_allclose(covariance, np.eye(6) * 4e-6, atol=4e-8)
    assert np.abs(state.mean).max() < 5 * math.sqrt(4e-6)


def test_the_estimate_finds_the_truth() -> None:
    rng = np.random.default_rng(3)
    truth = np.array([1.5, -2.0, 0.5])
    vectors = rng.standard_normal((200_000, 3)).astype(np.float32)
    chances = 1 / (1 + np.exp(-(vectors @ truth)))
    rewards = (rng.random(200_000) < chances).astype(np.float64)
    arms = np.zeros(200_000, dtype=np.int64)
    state = Logistic.fresh(1, 3).fold(arms, rewards, vectors)
    error = (state.mean[0] - truth) / np.sqrt(np.diag(state.covariance(0)))
    # the largest of three standard normal errors
    assert np.abs(error).max() < 5, (state.mean, error)


WILD = [0.0, 1e-38, 1e-3, 1.0, -1.0, 1e10, -1e30, float(np.finfo(np.float32).max)]


@given(st.integers(1, 6), st.integers(0, 2**32), st.sampled_from([1e-9, 1.0, 1e9]))
def test_wild_features_leave_finite_numbers(
    dim: int, seed: int, precision: float
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.choice(np.array(WILD, dtype=np.float32), (300, dim))
    rewards = rng.integers(0, 2, 300).astype(np.float64)
    state = Logistic.fresh(1, dim, precision)
    state.fold(np.zeros(300, dtype=np.int64), rewards, vectors)
    assert np.isfinite(state.factor).all() and np.isfinite(state.mean).all()
    ends = [(row + 1) * (row + 2) // 2 - 1 for row in range(dim)]
    assert (state.factor[0, ends] >= 0).all()
    means, deviations = state.marginals(vectors[:20])
    assert np.isfinite(means).all() and np.isfinite(deviations).all()


@pytest.mark.parametrize("score", [-800.0, -3.0, 0.0, 3.0, 800.0])
def test_sigmoid(score: float) -> None:
    expected = 0.5 * (1 + math.tanh(score / 2))
    assert logistic.sigmoid(score) == pytest.approx(expected, rel=1e-12, abs=1e-300)


def test_inactive_arms_are_left_alone() -> None:
    state = Logistic.fresh(3, 2).fold(*log(30, 3, 2, 0))
    means, deviations = np.full((4, 3), 7.0), np.full((4, 3), 8.0)
    active = np.array([True, False, True])
    contexts = np.ones((4, 2), dtype=np.float32)
    logistic.marginals(
        state.factor, state.mean, 1.0, contexts, active, means, deviations
    )
    assert (means[:, 1] == 7.0).all() and (deviations[:, 1] == 8.0).all()
    assert (means[:, 0] != 7.0).all() and (deviations[:, 2] != 8.0).all()
