"""Which of K independent draws is the largest, and with what probability.

P(a) = ∫ f_a Π_{b≠a} F_b by Gauss and Legendre on panels. Only the stretch that the
largest draw can reach matters: from the highest lower end of any arm up. Every arm that
matters straddles that point, so panels as wide as the narrowest arm still unfinished
grow with the distance from it. F is integrated along with f, on the same nodes.

Shapes: K arms, N rows, P panels, Q nodes a panel.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import part
from qbrixkernels.declare import read
from qbrixkernels.declare import reordered
from qbrixkernels.declare import write

ORDER: Final = 8
# no active arm is ever said to have less of a chance
LEAST_CHANCE: Final = 1e-12
# a normal arm ends this many deviations from its mean; beyond lie 4e-11 of it
_REACH: Final = 6.5
# panels are this many deviations wide
_STEP: Final = 2.0
_LARGEST: Final = 1e300
# of a mean: what its draws are rounded to, and a twentieth of that
_ROUNDING: Final = float(np.finfo(np.float64).eps) / 40.0
_SMALLEST: Final = 1e-290
_ROOT_HALF: Final = math.sqrt(0.5)
_PEAK: Final = 1.0 / math.sqrt(2.0 * math.pi)

NODES, WEIGHTS = legendre.leggauss(ORDER)


def _antiderivatives() -> NDArray[np.float64]:
    """(Q, Q): the weights that integrate from -1 to each node, a row a node."""
    found = np.zeros((ORDER, ORDER))
    for degree in range(ORDER):
        unit = np.eye(ORDER)[degree]
        until = legendre.legval(NODES, legendre.legint(unit, lbnd=-1))
        share = (degree + 0.5) * legendre.legval(NODES, unit) * WEIGHTS
        found += np.outer(until, share)
    return found


_UNTIL: Final = _antiderivatives()


@reordered
def advance(
    width: float,
    densities: NDArray[np.float64],
    alive: int,
    below: NDArray[np.float64],
    inside: NDArray[np.float64],
    chances: NDArray[np.float64],
) -> None:
    """Add what one panel contributes to the ``chances`` of its first arms.

    ``densities`` (Q, K) are taken at its nodes; ``below`` (K,) is the share of each arm
    at its lower end and becomes that at its upper end. ``inside`` (K,) is overwritten.
    """
    half = 0.5 * width
    for i in range(ORDER):
        for a in range(alive):
            inside[a] = below[a]
        for j in range(ORDER):
            step = half * _UNTIL[i, j]
            for a in range(alive):
                inside[a] += step * densities[j, a]
        all_below = half * WEIGHTS[i]
        for a in range(alive):
            inside[a] = max(inside[a], 0.0)
            all_below *= inside[a]
        for a in range(alive):
            if inside[a] > 0.0:
                chances[a] += all_below * densities[i, a] / inside[a]
    for j in range(ORDER):
        step = half * WEIGHTS[j]
        for a in range(alive):
            below[a] += step * densities[j, a]


@part
def settle(chances: NDArray[np.float64], active: NDArray[np.bool_]) -> None:
    """Make the sum over active arms one, and no active arm impossible."""
    total = 0.0
    for k in range(active.size):
        if active[k]:
            total += chances[k]
    for k in range(active.size):
        chances[k] = max(chances[k] / total, LEAST_CHANCE) if active[k] else 0.0


@kernel(
    VOID(
        read(REAL, 1),
        read(REAL, 3),
        read(INT, 1),
        read(REAL, 1),
        read(BOOL, 1),
        write(REAL, 1),
    )
)
def sweep(
    widths: NDArray[np.float64],
    densities: NDArray[np.float64],
    alive: NDArray[np.int64],
    start: NDArray[np.float64],
    active: NDArray[np.bool_],
    chances: NDArray[np.float64],
) -> None:
    """Fill ``chances`` (K,) from densities (P, Q, K) on panels of ``widths`` (P,).

    Panel p concerns its first ``alive`` (P,) arms; the others lie below it. ``start``
    (K,) is the share of each arm below the first panel; should every arm lie there, the
    draws are equal and any of them may be the largest.
    """
    below = start.copy()
    inside = np.empty(below.size)
    equal = 1.0 / np.count_nonzero(active)
    for k in range(below.size):
        if active[k]:
            equal *= start[k]
    chances[:] = equal
    for p in range(widths.size):
        advance(widths[p], densities[p], alive[p], below, inside, chances)
    settle(chances, active)


@part
def tame(
    means: NDArray[np.float64],
    deviations: NDArray[np.float64],
    centres: NDArray[np.float64],
    spreads: NDArray[np.float64],
) -> None:
    """Copies of (K,) means and deviations that leave room for arithmetic."""
    for k in range(means.size):
        centre = means[k] if means[k] > -_LARGEST else -_LARGEST
        centres[k] = min(centre, _LARGEST)
        least = max(abs(centres[k]) * _ROUNDING, _SMALLEST)
        spreads[k] = min(max(deviations[k], least), _LARGEST)


@part
def highest_low(
    centres: NDArray[np.float64],
    spreads: NDArray[np.float64],
    active: NDArray[np.bool_],
) -> int:
    """The active arm with the highest lower end."""
    found = -1
    for k in range(active.size):
        if active[k] and (
            found < 0
            or (centres[k] - centres[found]) > _REACH * (spreads[k] - spreads[found])
        ):
            found = k
    return found


@part
def fill(
    here: float,
    width: float,
    scores: NDArray[np.float64],
    spreads: NDArray[np.float64],
    alive: int,
    densities: NDArray[np.float64],
) -> None:
    """Normal ``densities`` (Q, K) of the first arms at the nodes of a panel."""
    for i in range(ORDER):
        place = here + 0.5 * width * (1.0 + NODES[i])
        for a in range(alive):
            z = scores[a] + place / spreads[a]
            densities[i, a] = math.exp(-0.5 * z * z) * (_PEAK / spreads[a])


@kernel(VOID(read(REAL, 2), read(REAL, 2), read(BOOL, 1), write(REAL, 2)))
def normal(
    means: NDArray[np.float64],
    deviations: NDArray[np.float64],
    active: NDArray[np.bool_],
    chances: NDArray[np.float64],
) -> None:
    """Fill ``chances`` (N, K) for draws from N(mean, deviation²), row by row.

    A deviation below what numbers like the mean are rounded to counts as that.
    """
    size = active.size
    centres, spreads, ends = np.empty(size), np.empty(size), np.empty(size)
    scores, widths, narrowest = np.empty(size), np.empty(size), np.empty(size)
    below, inside, summed = np.empty(size), np.empty(size), np.empty(size)
    densities = np.empty((ORDER, size))
    for n in range(means.shape[0]):
        tame(means[n], deviations[n], centres, spreads)
        first = highest_low(centres, spreads, active)
        # places are measured from the lower end of that arm, so that gaps are exact
        for k in range(size):
            reach = _REACH * (spreads[first] + spreads[k])
            ends[k] = (centres[k] - centres[first]) + reach if active[k] else -1.0
        order = np.argsort(-ends)
        alive = 0
        while alive < size and ends[order[alive]] > 0.0:
            k = order[alive]
            gap = (centres[first] - centres[k]) - _REACH * spreads[first]
            scores[alive] = gap / spreads[k]
            below[alive] = 0.5 * math.erfc(-scores[alive] * _ROOT_HALF)
            widths[alive] = spreads[k]
            narrowest[alive] = min(
                spreads[k], narrowest[alive - 1] if alive else np.inf
            )
            summed[alive] = 0.0
            alive += 1
        found = alive
        here = 0.0
        while alive > 0:
            width = _STEP * narrowest[alive - 1]
            fill(here, width, scores, widths, alive, densities)
            advance(width, densities, alive, below, inside, summed)
            here += width
            while alive > 0 and ends[order[alive - 1]] <= here:
                alive -= 1
        chances[n] = 0.0
        for a in range(found):
            chances[n, order[a]] = summed[a]
        settle(chances[n], active)
