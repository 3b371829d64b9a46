"""One logistic regression per arm, as a Gaussian posterior learned online.

Shapes: K arms, D features, N choices or observations, T = D (D + 1) / 2. ``factor``
(K, T) holds the covariance of each arm as Σ = LᵀVL, with L unit lower triangular and V
diagonal: the rows of L one behind the other, the entries of V in the place of L's ones.
So Σ is symmetric and positive by construction, whatever rounding does.
"""

from __future__ import annotations

import math

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
