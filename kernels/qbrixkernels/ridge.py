"""One ridge regression per arm.

Shapes: K arms, D features, N choices or observations. ``gram`` (K, D, D) is λI + Σ xxᵀ,
``inverse`` (K, D, D) its inverse, ``moment`` (K, D) is Σ r x, ``theta`` (K, D) is
inverse · moment.
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

# an inverse is recomputed when its arm has learned this many rewards, and this many
# again, and so on; at D <= 1024 that costs no more than the updates in between
REFACTORISE_EVERY: Final = 1024
# and when a rank-one update would cancel more than half of the digits
LARGEST_LEVERAGE: Final = 1e8
# sums of rewards saturate here, so that every score stays finite
LARGEST_MOMENT: Final = 1e250
_LEAST_PIVOT: Final = 1e-12


@reordered
def spread(inverse: NDArray[np.float64], x: NDArray[np.float64]) -> float:
    """xᵀ A⁻¹ x, from the lower triangle."""
    total = 0.0
    for i in range(x.size):
        row = 0.0
        for j in range(i):
            row += inverse[i, j] * x[j]
        total += (2.0 * row + inverse[i, i] * x[i]) * x[i]
    return max(total, 0.0)


@reordered
def dot(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """aᵀ b."""
    total = 0.0
    for i in range(a.size):
        total += a[i] * b[i]
    return total


@part
def rank_one(
    inverse: NDArray[np.float64], x: NDArray[np.float64], u: NDArray[np.float64]
) -> float:
    """Sherman-Morrison: make (A + xxᵀ)⁻¹ of A⁻¹ in place; ``u`` (D,) is overwritten.

    Returns the leverage xᵀA⁻¹x. Symmetric input gives exactly symmetric output.
    """
    u[:] = 0.0
    for i in range(x.size):
        for j in range(x.size):
            u[j] += inverse[i, j] * x[i]
    leverage = 0.0
    for i in range(x.size):
        leverage += x[i] * u[i]
    share = 1.0 / (1.0 + max(leverage, 0.0))
    for i in range(x.size):
        for j in range(x.size):
            inverse[i, j] -= (u[i] * u[j]) * share
    return leverage


@part
def invert(gram: NDArray[np.float64], inverse: NDArray[np.float64]) -> None:
    """Fill ``inverse`` with the inverse of a symmetric positive definite matrix.

    By Cholesky, A = UᵀU and A⁻¹ = MᵀM with M = U⁻ᵀ. A row whose pivot rounding has
    eaten is replaced by a tiny diagonal one, so that the result is always finite.
    """
    size = gram.shape[0]
    upper = gram.copy()
    for k in range(size):
        least = _LEAST_PIVOT * gram[k, k]
        if upper[k, k] <= least:
            upper[k, k:] = 0.0
            upper[k, k] = least
        pivot = math.sqrt(upper[k, k])
        upper[k, k] = pivot
        for j in range(k + 1, size):
            upper[k, j] /= pivot
        for i in range(k + 1, size):
            factor = upper[k, i]
            for j in range(i, size):
                upper[i, j] -= factor * upper[k, j]
    lower = np.zeros((size, size))
    for i in range(size):
        for k in range(i):
            factor = upper[k, i]
            for j in range(k + 1):
                lower[i, j] -= factor * lower[k, j]
        lower[i, i] = 1.0
        for j in range(i + 1):
            lower[i, j] /= upper[i, i]
    inverse[:] = 0.0
    for k in range(size):
        for i in range(k + 1):
            factor = lower[k, i]
            for j in range(i + 1):
                inverse[i, j] += factor * lower[k, j]
    for i in range(size):
        for j in range(i):
            inverse[j, i] = inverse[i, j]


@part
def settle(
    scores: NDArray[np.float64], active: NDArray[np.bool_], top: float, tie: float
) -> tuple[int, float]:
    """One of the active arms that reach ``top``, and its probability."""
    equal = 0
    for k in range(active.size):
        if active[k] and scores[k] == top:
            equal += 1
    skip = int(tie * equal)
    chosen = 0
    for k in range(active.size):
        if active[k] and scores[k] == top:
            chosen = k
            if skip == 0:
                break
            skip -= 1
    return chosen, 1.0 / equal


@kernel(
    VOID(
        read(REAL, 3),
        read(REAL, 3),
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
    gram: NDArray[np.float64],
    inverse: NDArray[np.float64],
    theta: NDArray[np.float64],
    alpha: float,
    contexts: NDArray[np.float32],
    active: NDArray[np.bool_],
    in_flight: NDArray[np.float64],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Take the largest xᵀθ + α √(xᵀ(A + G)⁻¹x), row by row of ``contexts`` (N, D).

    G is the covariance in flight: ``in_flight`` is (K, D, D), or (0, D, D) for none,
    and each choice adds its context for the rows behind it. ``ties`` (N,) is uniform
    in [0, 1). Fills ``arms`` and ``propensities``, one over the number of equal best.
    """
    size = theta.shape[1]
    own = np.zeros(active.size, dtype=np.bool_)
    alone = contexts.shape[0] == 1 and in_flight.shape[0] == 0
    widened = np.empty((0 if alone else active.size, size, size))
    for k in range(in_flight.shape[0]):
        if active[k] and in_flight[k].any():
            own[k] = True
            invert(gram[k] + in_flight[k], widened[k])
    x = np.empty(size)
    u = np.empty(size)
    scores = np.empty(active.size)
    for n in range(contexts.shape[0]):
        for i in range(size):
            x[i] = contexts[n, i]
        top = -np.inf
        for k in range(active.size):
            if active[k]:
                square = spread(widened[k], x) if own[k] else spread(inverse[k], x)
                scores[k] = dot(theta[k], x) + alpha * math.sqrt(square)
                if math.isnan(scores[k]):
                    scores[k] = -np.inf
                top = max(top, scores[k])
        arms[n], propensities[n] = settle(scores, active, top, ties[n])
        if n + 1 < contexts.shape[0]:
            k = arms[n]
            if not own[k]:
                own[k] = True
                widened[k] = inverse[k]
            rank_one(widened[k], x, u)


@kernel(
    VOID(
        read(REAL, 3),
        read(REAL, 2),
        REAL,
        read(SINGLE, 2),
        read(BOOL, 1),
        write(REAL, 2),
        write(REAL, 2),
    )
)
def marginals(
    inverse: NDArray[np.float64],
    theta: NDArray[np.float64],
    scale: float,
    contexts: NDArray[np.float32],
    active: NDArray[np.bool_],
    means: NDArray[np.float64],
    deviations: NDArray[np.float64],
) -> None:
    """Fill ``means`` and ``deviations`` (N, K) with xᵀθ and s √(xᵀA⁻¹x).

    s is ``scale``. Inactive arms are left as they are.
    """
    size = theta.shape[1]
    x = np.empty(size)
    for n in range(contexts.shape[0]):
        for i in range(size):
            x[i] = contexts[n, i]
        for k in range(active.size):
            if active[k]:
                means[n, k] = dot(theta[k], x)
                deviations[n, k] = scale * math.sqrt(spread(inverse[k], x))


@kernel(
    VOID(
        write(REAL, 3),
        write(REAL, 3),
        write(REAL, 2),
        write(REAL, 2),
        write(INT, 1),
        read(INT, 1),
        read(REAL, 1),
        read(SINGLE, 2),
    )
)
def fold(
    gram: NDArray[np.float64],
    inverse: NDArray[np.float64],
    moment: NDArray[np.float64],
    theta: NDArray[np.float64],
    pulls: NDArray[np.int64],
    arms: NDArray[np.int64],
    rewards: NDArray[np.float64],
    vectors: NDArray[np.float32],
) -> None:
    """Learn N rewards in place: A += xxᵀ, b += r x, and θ = A⁻¹b at the end."""
    size = theta.shape[1]
    x = np.empty(size)
    u = np.empty(size)
    touched = np.zeros(theta.shape[0], dtype=np.bool_)
    for n in range(arms.size):
        arm = arms[n]
        for i in range(size):
            x[i] = vectors[n, i]
            total = moment[arm, i] + rewards[n] * x[i]
            moment[arm, i] = min(max(total, -LARGEST_MOMENT), LARGEST_MOMENT)
        for i in range(size):
            for j in range(size):
                gram[arm, i, j] += x[i] * x[j]
        pulls[arm] += 1
        leverage = rank_one(inverse[arm], x, u)
        if pulls[arm] % REFACTORISE_EVERY == 0 or leverage >= LARGEST_LEVERAGE:
            invert(gram[arm], inverse[arm])
        touched[arm] = True
    for arm in range(theta.shape[0]):
        if touched[arm]:
            theta[arm] = 0.0
            for i in range(size):
                for j in range(size):
                    theta[arm, j] += inverse[arm, i, j] * moment[arm, i]
