"""Densities known at the nodes of panels of their own, read in between.

Their logarithms are smooth, and are interpolated by the polynomial through the nodes
of a panel.

Shapes: S panels of an arm's own, P panels of all arms, Q nodes a panel.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.polynomial import legendre
from numpy.typing import NDArray

from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import part
from qbrixkernels.declare import read
from qbrixkernels.declare import write

ORDER: Final = 8
NODES, WEIGHTS = legendre.leggauss(ORDER)
# of the formula of interpolation by Berrut and Trefethen (2004), section 4
_SHARES: Final = np.sqrt((1.0 - NODES**2) * WEIGHTS) * (-1.0) ** np.arange(ORDER)


@part
def between(logs: NDArray[np.float64], place: float) -> float:
    """The density at a place in [-1, 1] of a panel with these logarithms (Q,)."""
    above = 0.0
    below = 0.0
    for i in range(ORDER):
        gap = place - NODES[i]
        if gap == 0.0:
            return math.exp(logs[i])
        share = _SHARES[i] / gap
        above += share * logs[i]
        below += share
    return math.exp(above / below)


@kernel(REAL(REAL, read(REAL, 1), read(REAL, 2), REAL))
def mass_below(
    low: float,
    widths: NDArray[np.float64],
    logs: NDArray[np.float64],
    end: float,
) -> float:
    """The integral from ``low`` to ``end``, over panels of ``widths`` (S,)."""
    total = 0.0
    here = low
    for s in range(widths.size):
        reach = min(widths[s], end - here)
        if reach <= 0.0:
            break
        for i in range(ORDER):
            place = reach / widths[s] * (1.0 + NODES[i]) - 1.0
            total += 0.5 * reach * WEIGHTS[i] * between(logs[s], place)
        here += widths[s]
    return total


@kernel(
    VOID(
        REAL,
        read(REAL, 1),
        read(REAL, 2),
        REAL,
        read(REAL, 1),
        read(INT, 1),
        INT,
        write(REAL, 3),
    )
)
def fill(
    low: float,
    own: NDArray[np.float64],
    logs: NDArray[np.float64],
    start: float,
    widths: NDArray[np.float64],
    alive: NDArray[np.int64],
    arm: int,
    densities: NDArray[np.float64],
) -> None:
    """Fill ``densities`` (P, Q, K) of one arm at the nodes of common panels.

    The arm's own panels have widths ``own`` (S,) from ``low`` on; it has nothing
    beyond them. The common ones begin at ``start``.
    """
    panel = 0
    left = low
    here = start
    for p in range(widths.size):
        for i in range(ORDER):
            place = here + 0.5 * widths[p] * (1.0 + NODES[i])
            while panel < own.size and place >= left + own[panel]:
                left += own[panel]
                panel += 1
            densities[p, i, arm] = 0.0
            if panel < own.size and arm < alive[p]:
                within = 2.0 * (place - left) / own[panel] - 1.0
                densities[p, i, arm] = between(logs[panel], within)
        here += widths[p]
