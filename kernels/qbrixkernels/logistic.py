"""One logistic regression per arm, as a Gaussian posterior learned online.

Shapes: K arms, D features, N choices or observations, T = D (D + 1) / 2. ``factor``
(K, T) holds the covariance of each arm as Σ = LᵀVL, with L unit lower triangular and V
diagonal: the rows of L one behind the other, the entries of V in the place of L's ones.
So Σ is symmetric and positive by construction, whatever rounding does.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import SINGLE
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import part
from qbrixkernels.declare import read
from qbrixkernels.declare import reordered
from qbrixkernels.declare import write

# what is left of a covariance in flight by rounding counts for nothing
_LEAST_PIVOT: Final = 1e-12


@reordered
def spread(factor: NDArray[np.float64], x: NDArray[np.float64]) -> float:
    """xᵀΣx."""
    total = 0.0
    row = 0
    for j in range(x.size):
        along = x[j]
        for i in range(j):
            along += factor[row + i] * x[i]
        total += factor[row + j] * along * along
        row += j + 1
    return total


@reordered
def dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """aᵀb."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@part
def absorb(
    factor: NDArray[np.float64],
    x: NDArray[np.float64],
    weight: float,
    gain: NDArray[np.float64],
) -> float:
    """Make (Σ⁻¹ + w xxᵀ)⁻¹ of Σ in place, and Σx of ``gain`` (D,). Returns 1 + w xᵀΣx.

    Bierman (1977), Factorization Methods for Discrete Sequential Estimation, ch. V.3.
    """
    grown = 1.0
    row = 0
    for j in range(x.size):
        along = x[j]
        for i in range(j):
            along += factor[row + i] * x[i]
        variance = factor[row + j]
        moved = variance * along
        before = grown
        grown += weight * along * moved
        factor[row + j] = variance * (before / grown)
        turn = -weight * along / before
        for i in range(j):
            old = factor[row + i]
            factor[row + i] = old + turn * gain[i]
            gain[i] += old * moved
        gain[j] = moved
        row += j + 1
    return grown


@part
def sigmoid(score: float) -> float:
    """1 / (1 + exp(-score)), without overflow."""
    small = math.exp(-abs(score))
    return (1.0 if score >= 0.0 else small) / (1.0 + small)


@kernel(
    VOID(
        read(REAL, 2),
        read(REAL, 2),
        REAL,
        read(SINGLE, 2),
        read(BOOL, 1),
        write(REAL, 2),
        write(REAL, 2),
    )
)
def marginals(
    factor: NDArray[np.float64],
    mean: NDArray[np.float64],
    scale: float,
    contexts: NDArray[np.float32],
    active: NDArray[np.bool_],
    means: NDArray[np.float64],
    deviations: NDArray[np.float64],
) -> None:
    """Fill ``means`` and ``deviations`` (N, K) with xᵀm and s √(xᵀΣx), as log odds.

    s is ``scale``. Inactive arms are left as they are.
    """
    size = mean.shape[1]
    x = np.empty(size)
    for n in range(contexts.shape[0]):
        for i in range(size):
            x[i] = contexts[n, i]
        for k in range(active.size):
            if active[k]:
                means[n, k] = dot(mean[k], x)
                deviations[n, k] = scale * math.sqrt(spread(factor[k], x))


@kernel(
    VOID(
        write(REAL, 2),
        write(REAL, 2),
        write(INT, 1),
        read(INT, 1),
        read(REAL, 1),
        read(SINGLE, 2),
    )
)
def fold(
    factor: NDArray[np.float64],
    mean: NDArray[np.float64],
    pulls: NDArray[np.int64],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
    vectors: NDArray[np.float32],
) -> None:
    """Learn N rewards in place, one Newton step each from where the mean is.

    With p = σ(xᵀm): Σ⁻¹ += p (1 - p) xxᵀ, then m += Σ x (r - p).
    """
    size = mean.shape[1]
    x = np.empty(size)
    gain = np.empty(size)
    for n in range(arms.size):
        arm = arms[n]
        score = 0.0
        for i in range(size):
            x[i] = vectors[n, i]
            score += mean[arm, i] * x[i]
        p = sigmoid(score)
        step = (rewards[n] - p) / absorb(factor[arm], x, p * sigmoid(-score), gain)
        for i in range(size):
            mean[arm, i] += step * gain[i]
        pulls[arm] += 1


@part
def widen(
    factor: NDArray[np.float64], gram: NDArray[np.float64], gain: NDArray[np.float64]
) -> None:
    """Make (Σ⁻¹ + G)⁻¹ of Σ in place; G (D, D) is positive, or nearly so.

    By the columns of its square-root free Cholesky factor, one ``absorb`` each.
    """
    size = gram.shape[0]
    rest = gram.copy()
    x = np.zeros(size)
    for j in range(size):
        pivot = rest[j, j]
        if pivot > _LEAST_PIVOT * gram[j, j]:
            x[:j] = 0.0
            for i in range(j, size):
                x[i] = rest[j, i]
            absorb(factor, x, 1.0 / pivot, gain)
            for i in range(j, size):
                for k in range(i, size):
                    rest[i, k] -= x[i] / pivot * x[k]


@kernel(
    VOID(
        read(REAL, 2),
        read(REAL, 2),
        REAL,
        read(SINGLE, 2),
        read(BOOL, 1),
        read(REAL, 3),
        read(REAL, 1),
        write(INT, 1),
        write(REAL, 1),
    )
)
def select_optimistic(
    design: NDArray[np.float64],
    mean: NDArray[np.float64],
    alpha: float,
    contexts: NDArray[np.float32],
    active: NDArray[np.bool_],
    in_flight: NDArray[np.float64],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Take the largest σ(xᵀm) + α √(xᵀ(A + G)⁻¹x), row by row of ``contexts`` (N, D).

    ``design`` (K, T) is the factor of A⁻¹. G is the covariance in flight: ``in_flight``
    is (K, D, D), or (0, D, D) for none, and each choice adds its context for the rows
    behind it. ``ties`` (N,) is uniform in [0, 1). Fills ``arms`` and ``propensities``,
    one over the number of equal best.
    """
    size = mean.shape[1]
    x = np.empty(size)
    gain = np.empty(size)
    widened = design.copy()
    for k in range(in_flight.shape[0]):
        if active[k]:
            widen(widened[k], in_flight[k], gain)
    equals = np.flatnonzero(active)
    first = equals[0]
    for n in range(contexts.shape[0]):
        for i in range(size):
            x[i] = contexts[n, i]
        top = -np.inf
        equals[0] = first
        equal = 0
        for k in range(active.size):
            if active[k]:
                width = math.sqrt(max(spread(widened[k], x), 0.0))
                score = sigmoid(dot(mean[k], x)) + alpha * width
                if score > top:
                    top = score
                    equal = 0
                if score == top:
                    equals[equal] = k
                    equal += 1
        # none is the largest where a damaged state gives no numbers
        equal = max(equal, 1)
        arms[n] = equals[int(ties[n] * equal)]
        propensities[n] = 1.0 / equal
        if n + 1 < contexts.shape[0]:
            absorb(widened[arms[n]], x, 1.0, gain)


@kernel(VOID(write(REAL, 2), read(INT, 1), read(SINGLE, 2)))
def fold_design(
    design: NDArray[np.float64],
    arms: NDArray[np.int64],
    vectors: NDArray[np.float32],
) -> None:
    """Learn N contexts in place: A += xxᵀ, with ``design`` (K, T) the factor of A⁻¹."""
    size = vectors.shape[1]
    x = np.empty(size)
    gain = np.empty(size)
    for n in range(arms.size):
        for i in range(size):
            x[i] = vectors[n, i]
        absorb(design[arms[n]], x, 1.0, gain)
