"""With what probability each arm's drawn mean outcome is the largest.

Shapes: K arms, M outcomes, S panels of an arm's own, P panels of all, Q nodes a panel.
"""

from __future__ import annotations

from typing import Final
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qbrixcore.policy import leading
from qbrixcore.policy.leading import Mask
from qbrixcore.policy.leading import Reals
from qbrixkernels import dirichlet_mean
from qbrixkernels import maximum
from qbrixkernels import tabulated

MOST_PANELS: Final = 2048
# what all but one count of an arm add up to at least, for chances to choose by
LEAST_SPREAD: Final = 0.5
_LEAST: Final = np.finfo(np.float64).tiny


class Table(NamedTuple):
    """The density of one arm: logarithms (S, Q) on panels of ``widths`` (S,)."""

    low: float
    widths: Reals
    logs: Reals


def of_dirichlets(counts: Reals, active: Mask) -> Reals:
    """P(arm is best) (K,) of Σ p_i v_i, p ~ Dirichlet(counts), 0 where not active.

    ``counts`` is (K, M), the M outcomes v an even grid from 0 to 1. As exact as for
    other policies where all but one count of an arm add up to ``LEAST_SPREAD``; below,
    densities peak at single outcomes, and where they add up to 0.2 the error grows to
    0.02.
    """
    if counts.shape[1] == 2:
        return leading.of_betas(counts[:, 1], counts[:, 0], active)
    chances = np.where(active, maximum.LEAST_CHANCE, 0.0)
    arms = np.flatnonzero(active)
    kinds, same = np.unique(counts[arms], axis=0, return_inverse=True)
    lows, highs = np.empty(len(kinds)), np.empty(len(kinds))
    dirichlet_mean.extents(kinds, lows, highs)
    start = float(lows.max())
    order = np.argsort(-highs[same])
    order = order[highs[same][order] > start]
    chances[arms[order]] = _of_sorted(kinds, same[order], lows, highs, start)
    return chances


def _of_sorted(
    kinds: Reals, same: NDArray[np.int64], lows: Reals, highs: Reals, start: float
) -> Reals:
    """The same for arms that can be best, the one with the highest end first."""
    distinct, column = np.unique(same, return_index=True)
    distinct, column = distinct[np.argsort(column)], np.sort(column)
    widths = _planned(kinds[distinct], highs[distinct], start)
    begins = start + np.cumsum(widths) - widths
    alive = np.searchsorted(-highs[same], -begins).astype(np.int64)
    densities = np.zeros((widths.size, tabulated.ORDER, same.size))
    below = np.empty(same.size)
    for kind, k in zip(distinct, column, strict=True):
        table = _tabulated(kinds[kind], float(lows[kind]), float(highs[kind]))
        below[same == kind] = tabulated.mass_below(*table, start)
        tabulated.fill(*table, start, widths, alive, k, densities)
        twins = np.flatnonzero(same == kind)[1:]
        densities[:, :, twins] = densities[:, :, k, None]
    chances = np.empty(same.size)
    everyone = np.ones(same.size, dtype=np.bool_)
    maximum.sweep(widths, densities, alive, below, everyone, chances)
    return chances


def _planned(counts: Reals, highs: Reals, start: float) -> Reals:
    """Widths of panels from ``start`` on that are fine enough for these arms."""
    widths, alive = np.empty(MOST_PANELS), np.empty(MOST_PANELS, dtype=np.int64)
    return widths[: dirichlet_mean.plan(counts, highs, start, widths, alive)]


def _tabulated(counts: Reals, low: float, high: float) -> Table:
    widths = _planned(counts[None], np.array([high]), low)
    densities = np.empty((widths.size, tabulated.ORDER))
    dirichlet_mean.fill(counts, low, widths, densities)
    total = widths / 2 @ densities @ tabulated.WEIGHTS
    return Table(low, widths, np.log(np.maximum(densities / total, _LEAST)))
