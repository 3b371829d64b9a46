"""Optimism of logistic regressions against slow twins."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from qbrixkernels import logistic

Reals = NDArray[np.float64]
Vectors = NDArray[np.float32]


def packed(arms: int, dim: int, precision: float = 1.0) -> Reals:
    """The factors of the identity over ``precision``."""
    factor = np.zeros((arms, dim * (dim + 1) // 2))
    factor[:, np.cumsum(np.arange(1, dim + 1)) - 1] = 1.0 / precision
    return factor


def unpacked(factor: Reals, dim: int) -> Reals:
    """LᵀVL of one arm."""
    lower, scales = np.eye(dim), np.zeros(dim)
    for row in range(dim):
        start = row * (row + 1) // 2
        lower[row, :row] = factor[start : start + row]
        scales[row] = factor[start + row]
    product: Reals = lower.T @ np.diag(scales) @ lower
    return product


def select(
    design: Reals,
    mean: Reals,
    contexts: Vectors,
    alpha: float = 1.0,
    in_flight: Reals | None = None,
    ties: Reals | None = None,
    active: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int64], Reals]:
    count, (arms, dim) = len(contexts), mean.shape
    out, p = np.empty(count, dtype=np.int64), np.empty(count)
    logistic.select_optimistic(
        design,
        mean,
        alpha,
        contexts,
        np.ones(arms, dtype=np.bool_) if active is None else active,
        np.empty((0, dim, dim)) if in_flight is None else in_flight,
        np.zeros(count) if ties is None else ties,
        out,
        p,
    )
    return out, p


@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(0, 80))
def test_design_is_the_inverse_of_the_sum(seed: int, dim: int, rows: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((rows, dim)).astype(np.float32)
    arms, design = rng.integers(0, 3, rows), packed(3, dim, 2.0)
    logistic.fold_design(design, arms, vectors)
    for arm in range(3):
        x = vectors[arms == arm].astype(np.float64)
        expected = np.linalg.inv(2.0 * np.eye(dim) + x.T @ x)
        np.testing.assert_allclose(unpacked(design[arm], dim), expected, atol=1e-12)


def slow(
    grams: Reals, mean: Reals, contexts: Vectors, alpha: float, in_flight: Reals
) -> list[int]:
    """GLM-UCB in the words of the paper; each choice widens its arm's matrix."""
    grams, chosen = grams + in_flight, []
    for row in contexts.astype(np.float64):
        scores = [
            1 / (1 + math.exp(-row @ m))
            + alpha * np.sqrt(row @ np.linalg.inv(gram) @ row)
            for gram, m in zip(grams, mean, strict=True)
        ]
        arm = int(np.argmax(scores))
        grams[arm] += np.outer(row, row)
        chosen.append(arm)
    return chosen


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(0, 7))
def test_select_equals_the_slow_twin(seed: int, dim: int, flying: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((50, dim)).astype(np.float32)
    arms, design = rng.integers(0, 4, 50), packed(4, dim)
    logistic.fold_design(design, arms, vectors)
    grams = np.stack([np.eye(dim)] * 4)
    np.add.at(grams, arms, np.einsum("ni,nj->nij", vectors, vectors, dtype=np.float64))
    # fewer contexts in flight than features leave the covariance singular
    unseen = rng.standard_normal((4, flying, dim)) * rng.integers(0, 2, (4, 1, 1))
    in_flight = np.ascontiguousarray(unseen.transpose(0, 2, 1) @ unseen)
    mean = rng.standard_normal((4, dim))
    contexts = rng.standard_normal((40, dim)).astype(np.float32)
    fast, p = select(design, mean, contexts, 0.7, in_flight)
    assert fast.tolist() == slow(grams, mean, contexts, 0.7, in_flight)
    assert (p == 1.0).all()


def test_a_frame_is_spread_like_contexts_in_flight() -> None:
    rng = np.random.default_rng(1)
    contexts = rng.standard_normal((30, 4)).astype(np.float32)
    design, mean = packed(3, 4), rng.standard_normal((3, 4))
    whole, _ = select(design, mean, contexts)
    flying, parts = np.zeros((3, 4, 4)), []
    for start in range(0, 30, 6):
        cut = contexts[start : start + 6]
        arms, _ = select(design, mean, cut, in_flight=flying)
        np.add.at(flying, arms, np.einsum("ni,nj->nij", cut, cut, dtype=np.float64))
        parts += arms.tolist()
    assert whole.tolist() == parts


def test_ties_are_settled_evenly_among_active_arms() -> None:
    active, context = np.array([True, False, True, True]), np.ones((1, 2), np.float32)
    chosen = []
    for tie in (np.arange(300) + 0.5) / 300:
        arms, p = select(
            packed(4, 2),
            np.zeros((4, 2)),
            context,
            ties=np.array([tie]),
            active=active,
        )
        assert p.tolist() == [1 / 3]
        chosen.append(int(arms[0]))
    assert np.bincount(chosen, minlength=4).tolist() == [100, 0, 100, 100]


def test_a_state_that_is_not_a_number_still_chooses_an_active_arm() -> None:
    arms, _ = select(
        packed(3, 2),
        np.full((3, 2), np.nan),
        np.ones((4, 2), dtype=np.float32),
        active=np.array([False, True, False]),
    )
    assert (arms == 1).all()
