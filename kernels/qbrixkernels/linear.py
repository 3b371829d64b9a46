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
BLOCK: Final = 16
_FEWEST: Final = 8
_WIDEST: Final = 32


def pays(count: int, dim: int) -> bool:
    """Whether so many choices of so many features are faster here than in ``ridge``."""
    return count >= _FEWEST and dim <= _WIDEST


@reordered
def means_of(
    theta: NDArray[np.float64], xs: NDArray[np.float64], means: NDArray[np.float64]
) -> None:
    """Fill ``means`` (N,) with xᵀθ."""
    means[:] = 0.0
    for i in range(theta.size):
        for n in range(means.size):
            means[n] += theta[i] * xs[i, n]


@reordered
def squares_of(
    inverse: NDArray[np.float64],
    xs: NDArray[np.float64],
    row: NDArray[np.float64],
    squares: NDArray[np.float64],
) -> None:
    """Fill ``squares`` (N,) with xᵀA⁻¹x, from the lower triangle.

    ``row`` (N,) is overwritten.
    """
    squares[:] = 0.0
    for i in range(inverse.shape[0]):
        for n in range(row.size):
            row[n] = 0.5 * inverse[i, i] * xs[i, n]
        for j in range(i):
            for n in range(row.size):
                row[n] += inverse[i, j] * xs[j, n]
        for n in range(row.size):
            squares[n] += 2.0 * row[n] * xs[i, n]


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
    for i in range(u.size):
        for n in range(row.size):
            row[n] += u[i] * xs[i, n]
    for n in range(row.size):
        squares[n] -= row[n] * row[n] * share


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
    widened = np.empty((size, width, width))
    for k in range(in_flight.shape[0]):
        if active[k] and in_flight[k].any():
            own[k] = True
            ridge.invert(gram[k] + in_flight[k], widened[k])
    x, u, scores = np.empty(width), np.empty(width), np.empty(size)
    means, squares, row = (
        np.empty((size, BLOCK)),
        np.empty((size, BLOCK)),
        np.empty(BLOCK),
    )
    for begin in range(0, count, BLOCK):
        rows = min(BLOCK, count - begin)
        xs = transposed(contexts[begin : begin + rows])
        for k in range(size):
            if active[k]:
                matrix = widened[k] if own[k] else inverse[k]
                means_of(theta[k], xs, means[k, :rows])
                squares_of(matrix, xs, row[:rows], squares[k, :rows])
        for n in range(rows):
            top = -np.inf
            for k in range(size):
                if active[k]:
                    scores[k] = means[k, n] + alpha * math.sqrt(max(squares[k, n], 0.0))
                    if math.isnan(scores[k]):
                        scores[k] = -np.inf
                    top = max(top, scores[k])
            k, chance = ridge.settle(scores, active, top, ties[begin + n])
            arms[begin + n], propensities[begin + n] = k, chance
            if not own[k]:
                own[k] = True
                widened[k] = inverse[k]
            for i in range(width):
                x[i] = xs[i, n]
            share = 1.0 / (1.0 + max(ridge.rank_one(widened[k], x, u), 0.0))
            lessen(u, share, xs, row[:rows], squares[k, :rows])


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
    middle, square, row = np.empty(count), np.empty(count), np.empty(count)
    for k in range(active.size):
        if active[k]:
            means_of(theta[k], xs, middle)
            squares_of(inverse[k], xs, row, square)
            for n in range(count):
                means[n, k] = middle[n]
                deviations[n, k] = scale * math.sqrt(max(square[n], 0.0))
