"""Choosing by ridge regressions for a whole frame of contexts at once.

The same choices as the kernels of ``ridge``, whose functions they are built of. There,
vectors run along features; here along the choices of a block, which pays from a few of
them on: xᵀA⁻¹x is computed for all of them first, and each choice then lessens it for
the rows behind, by Sherman and Morrison.

Shapes: K arms, D features, N choices. ``xs`` (D, N) are the contexts, transposed.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qbrixkernels import ridge
from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import SINGLE
from qbrixkernels.declare import VOID
from qbrixkernels.declare import part
from qbrixkernels.declare import read
from qbrixkernels.declare import reordered
from qbrixkernels.declare import write
from qbrixkernels.episodes.linking import step

# choices whose contexts are looked at together
BLOCK: Final = 32
# numbers that vector instructions take at a time: rows of this length leave no rest
LANES: Final = 16
_FEWEST: Final = 8
_WIDEST: Final = 64


def pays(count: int, dim: int) -> bool:
    """Whether so many choices of so many features are faster here than in ``ridge``."""
    return count >= _FEWEST and dim <= _WIDEST


@reordered
def moments_of(
    inverse: NDArray[np.float64],
    theta: NDArray[np.float64],
    xs: NDArray[np.float64],
    means: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    """Fill ``means`` (N,) with xᵀθ, ``squares`` (N,) with xᵀA⁻¹x, no less than 0.

    From the lower triangle, two rows and two columns at a time, so that what is loaded
    for one product serves three more.
    """
    width = theta.size
    means[:] = 0.0
    squares[:] = 0.0
    for i in range(0, width - 1, 2):
        a, b = xs[i], xs[i + 1]
        first, second = theta[i], theta[i + 1]
        left, right = 0.5 * inverse[i, i], 0.5 * inverse[i + 1, i + 1]
        across = inverse[i + 1, i]
        for n in range(means.size):
            means[n] += first * a[n] + second * b[n]
            squares[n] += (left * a[n] + across * b[n]) * a[n] + right * b[n] * b[n]
        for j in range(0, i, 2):
            y, z = xs[j], xs[j + 1]
            p, q = inverse[i, j], inverse[i, j + 1]
            r, s = inverse[i + 1, j], inverse[i + 1, j + 1]
            for n in range(means.size):
                squares[n] += (p * y[n] + q * z[n]) * a[n] + (r * y[n] + s * z[n]) * b[
                    n
                ]
    if width % 2 == 1:
        a, first, left = (
            xs[width - 1],
            theta[width - 1],
            0.5 * inverse[width - 1, width - 1],
        )
        for n in range(means.size):
            means[n] += first * a[n]
            squares[n] += left * a[n] * a[n]
        for j in range(0, width - 1, 2):
            y, z = xs[j], xs[j + 1]
            p, q = inverse[width - 1, j], inverse[width - 1, j + 1]
            for n in range(means.size):
                squares[n] += (p * y[n] + q * z[n]) * a[n]
    for n in range(means.size):
        squares[n] = max(2.0 * squares[n], 0.0)


@reordered
def lessen(
    u: NDArray[np.float64],
    share: float,
    xs: NDArray[np.float64],
    row: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    """Take (xᵀu)² times ``share`` off the ``squares`` (N,); ``row`` is overwritten."""
    row[:] = 0.0
    whole = u.size // 4 * 4
    for i in range(0, whole, 4):
        a, b, c, d = xs[i], xs[i + 1], xs[i + 2], xs[i + 3]
        p, q, r, s = u[i], u[i + 1], u[i + 2], u[i + 3]
        for n in range(row.size):
            row[n] += p * a[n] + q * b[n] + r * c[n] + s * d[n]
    for i in range(whole, u.size):
        a, p = xs[i], u[i]
        for n in range(row.size):
            row[n] += p * a[n]
    for n in range(row.size):
        squares[n] = max(squares[n] - row[n] * row[n] * share, 0.0)


@reordered
def bounds_of(
    means: NDArray[np.float64],
    squares: NDArray[np.float64],
    alpha: float,
    bounds: NDArray[np.float64],
) -> None:
    """Fill ``bounds`` (N,) with mean + α √square."""
    for n in range(means.size):
        bounds[n] = means[n] + alpha * math.sqrt(squares[n])


@reordered
def widen(
    inverse: NDArray[np.float64], x: NDArray[np.float64], u: NDArray[np.float64]
) -> float:
    """Sherman and Morrison, as in ``ridge.rank_one``; returns 1 / (1 + xᵀA⁻¹x).

    ``inverse`` is (D, P), its columns beyond D being 0; ``u`` (P,) becomes A⁻¹x, of the
    A before.
    """
    u[:] = 0.0
    whole = x.size // 4 * 4
    for i in range(0, whole, 4):
        a, b, c, d = inverse[i], inverse[i + 1], inverse[i + 2], inverse[i + 3]
        p, q, r, s = x[i], x[i + 1], x[i + 2], x[i + 3]
        for j in range(u.size):
            u[j] += p * a[j] + q * b[j] + r * c[j] + s * d[j]
    for i in range(whole, x.size):
        a, p = inverse[i], x[i]
        for j in range(u.size):
            u[j] += p * a[j]
    leverage = 0.0
    for i in range(x.size):
        leverage += x[i] * u[i]
    share = 1.0 / (1.0 + max(leverage, 0.0))
    for i in range(x.size):
        a, some = inverse[i], share * u[i]
        for j in range(u.size):
            a[j] -= some * u[j]
    return share


@part
def transposed(contexts: NDArray[np.float32]) -> NDArray[np.float64]:
    """(D, N) of (N, D)."""
    xs = np.empty((contexts.shape[1], contexts.shape[0]))
    for n in range(contexts.shape[0]):
        for i in range(contexts.shape[1]):
            xs[i, n] = contexts[n, i]
    return xs


@step(
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
    """Take the largest xᵀθ + α √(xᵀ(A + G)⁻¹x), as ``ridge.select_optimistic`` does."""
    size = active.size
    count, width = contexts.shape
    own = np.zeros(size, dtype=np.bool_)
    padded = (width + LANES - 1) // LANES * LANES
    widened = np.zeros((size, width, padded))
    for k in range(in_flight.shape[0]):
        if active[k] and in_flight[k].any():
            own[k] = True
            square = np.empty((width, width))
            ridge.invert(gram[k] + in_flight[k], square)
            widened[k, :, :width] = square
    x, u, scores = np.empty(width), np.empty(padded), np.empty(size)
    shape = (size, min(count, BLOCK))
    means, squares, bounds = np.empty(shape), np.empty(shape), np.empty(shape)
    row = np.empty(shape[1])
    for begin in range(0, count, BLOCK):
        rows = min(BLOCK, count - begin)
        xs = transposed(contexts[begin : begin + rows])
        for k in range(size):
            if active[k]:
                matrix = widened[k] if own[k] else inverse[k]
                moments_of(matrix, theta[k], xs, means[k, :rows], squares[k, :rows])
                bounds_of(means[k, :rows], squares[k, :rows], alpha, bounds[k, :rows])
        for n in range(rows):
            top = -np.inf
            for k in range(size):
                if active[k]:
                    scores[k] = bounds[k, n]
                    if math.isnan(scores[k]):
                        scores[k] = -np.inf
                    top = max(top, scores[k])
            k, chance = ridge.settle(scores, active, top, ties[begin + n])
            arms[begin + n], propensities[begin + n] = k, chance
            if not own[k]:
                own[k] = True
                widened[k, :, :width] = inverse[k]
            for i in range(width):
                x[i] = xs[i, n]
            share = widen(widened[k], x, u)
            lessen(u[:width], share, xs, row[:rows], squares[k, :rows])
            bounds_of(means[k, :rows], squares[k, :rows], alpha, bounds[k, :rows])


@step(
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
    """Fill ``means`` and ``deviations`` (N, K), as ``ridge.marginals`` does."""
    count = contexts.shape[0]
    xs = transposed(contexts)
    middle, square = np.empty(count), np.empty(count)
    for k in range(active.size):
        if active[k]:
            moments_of(inverse[k], theta[k], xs, middle, square)
            for n in range(count):
                means[n, k] = middle[n]
                deviations[n, k] = scale * math.sqrt(square[n])
