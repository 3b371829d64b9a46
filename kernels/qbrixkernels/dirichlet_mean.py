"""Densities of the mean outcome under Dirichlet weights, as log odds.

For p ~ Dirichlet(c) and outcomes v the sum R = Σ p_i v_i has no closed density, but an
exact integral (Cifarelli and Regazzini 1990; inverted as in Provost and Cheong 2000):
with u = log(R / (1 - R)), w = 1 - v and a_i(λ) = w_i λ (1 + exp u) + v_i (1 - λ)
(1 + exp -u), the density of u is (1 / 2πi) ∫ Π a_i^(-c_i) Σ c_j / a_j dλ along any line
that crosses the real axis in (0, 1). It is taken along a hyperbola through the saddle,
as bent as the path of steepest descent, where trapezoids converge exponentially.

Shapes: K arms, M outcomes, P panels, Q nodes a panel. Arms are sorted by their upper
ends, the highest first.
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
# an arm ends where at most exp of this lies beyond
_FALL: Final = -24.0
# or here, which only counts far below one ever reach
_FURTHEST: Final = 60.0
# widths of panels, in units of the distance on which the density changes
_STEP: Final = 2.0
# an outcome leaves a kink where the others have less than this count together, and a
# peak below half of that; there panels shrink to these shares of their width
_SMOOTH: Final = 4.0
_FINE: Final = 2.0**-6
_FINEST: Final = 2.0**-20
# the trapezoids: how wide, and where to stop
_TURN: Final = 0.3
_ENOUGH: Final = 1e-9
_BEND: Final = 2.0

_NODES: Final = legendre.leggauss(ORDER)[0]
_SINH: Final = np.sinh(_TURN * np.arange(160))
_COSH: Final = np.cosh(_TURN * np.arange(160))


@part
def chance(odds: float) -> float:
    """1 / (1 + exp(-odds)), without overflow."""
    small = math.exp(-abs(odds))
    return (1.0 if odds >= 0.0 else small) / (1.0 + small)


@part
def moments(
    counts: NDArray[np.float64], place: float, saddle: float
) -> tuple[float, float, float]:
    """Σ c e, Σ c e² and Σ c s (1 - s), with e = s - λ and s = w λ / (y a)."""
    last = counts.size - 1
    tilt = math.exp(min(max(-(saddle + place), -700.0), 700.0))
    level = chance(saddle)
    first = second = inner = 0.0
    for i in range(counts.size):
        share = (last - i) / ((last - i) + tilt * i)
        gap = share - level
        first += counts[i] * gap
        second += counts[i] * gap * gap
        inner += counts[i] * share * (1.0 - share)
    return first, second, inner


@part
def find_saddle(counts: NDArray[np.float64], place: float, guess: float) -> float:
    """log(λ / (1 - λ)) where Π a_i^(-c_i) is smallest on (0, 1), near enough."""
    low, high, here = -np.inf, np.inf, guess
    for _ in range(100):
        first, second, _ = moments(counts, place, here)
        if first > 0.0:
            low = here
        else:
            high = here
        step = min(max(first / second, -2.0), 2.0)
        if abs(step) < 1e-3:
            break
        here += step
        if not low < here < high:
            here = 0.5 * (low + high)
    return here


@part
def bound(counts: NDArray[np.float64], place: float, saddle: float) -> float:
    """log Π a_i^(-c_i): no more than exp of it lies beyond this place (Chernoff)."""
    last = counts.size - 1
    down = chance(saddle) / chance(-place)
    up = chance(-saddle) / chance(place)
    total = 0.0
    for i in range(counts.size):
        total -= counts[i] * math.log((down * (last - i) + up * i) / last)
    return total


@part
def pace(counts: NDArray[np.float64], place: float, saddle: float) -> float:
    """How wide a panel at this place may be."""
    last = counts.size - 1
    total = counts.sum()
    _, second, inner = moments(counts, place, saddle)
    level = chance(saddle)
    theta = chance(place)
    slope = 0.25 * total * (chance(-place) - level)
    bend = theta * (1.0 - theta) + level * (1.0 - level) * inner / second
    width = _STEP / math.sqrt(total * bend + slope * slope)
    width = min(width, 3.0 + 0.5 * abs(place))
    smooth = width
    for i in range(1, last):
        others = total - counts[i]
        if others < _SMOOTH:
            away = 0.5 * abs(place - math.log(i / (last - i)))
            least = _FINEST if others < 0.5 * _SMOOTH else _FINE
            width = min(width, max(away, least * smooth))
    return width


@part
def density(counts: NDArray[np.float64], place: float, saddle: float) -> float:
    """The density of log odds at ``place``."""
    size = counts.size
    last = size - 1
    level = chance(saddle)
    rest = chance(-saddle)
    down = level / chance(-place)
    up = rest / chance(place)
    gaps = np.empty(size)
    weights = np.empty(size)
    second = third = log_peak = 0.0
    for i in range(size):
        a = (down * (last - i) + up * i) / last
        share = down * (last - i) / (last * a)
        gaps[i] = share - level if level < 0.5 else rest - up * i / (last * a)
        weights[i] = counts[i] * level * rest / a
        log_peak -= counts[i] * math.log(a)
        second += counts[i] * gaps[i] ** 2
        third += counts[i] * gaps[i] ** 3
    scale = min(1.5 / math.sqrt(second), 1.0)
    bent = min(max(-2.0 * third / (3.0 * second) * scale, -_BEND), _BEND)
    total = largest = 0.0
    for k in range(_SINH.size):
        ahead = scale * bent * (_COSH[k] - 1.0)
        aside = scale * _SINH[k]
        size_of = turned = real = imaginary = 0.0
        for i in range(size):
            along = gaps[i] * ahead
            across = gaps[i] * aside
            more = 2.0 * along + along * along + across * across
            size_of -= 0.5 * counts[i] * math.log1p(more)
            turned -= counts[i] * math.atan2(across, 1.0 + along)
            real += weights[i] * (1.0 + along) / (1.0 + more)
            imaginary -= weights[i] * across / (1.0 + more)
        onward = _COSH[k] * real + bent * _SINH[k] * imaginary
        sideways = _COSH[k] * imaginary - bent * _SINH[k] * real
        size_of = math.exp(size_of)
        term = size_of * (math.cos(turned) * onward - math.sin(turned) * sideways)
        total += 0.5 * term if k == 0 else term
        reached = size_of * math.hypot(onward, sideways)
        largest = max(largest, reached)
        if reached < _ENOUGH * largest:
            break
    return max(math.exp(log_peak) * scale * _TURN / math.pi * total, 0.0)


@part
def inside(counts: NDArray[np.float64], place: float) -> bool:
    """Whether something that counts lies beyond this place."""
    return bound(counts, place, find_saddle(counts, place, -place)) >= _FALL


@part
def reach(counts: NDArray[np.float64], middle: float, sign: float) -> float:
    """How far to walk, up (1) or down (-1), until next to nothing lies beyond."""
    near = 0.0
    far = pace(counts, middle, -middle)
    end = abs(sign * _FURTHEST - middle)
    while far < end and inside(counts, middle + sign * far):
        near = far
        far = min(2.0 * far, end)
    for _ in range(5):
        between = 0.5 * (near + far)
        if inside(counts, middle + sign * between):
            near = between
        else:
            far = between
    return far


@kernel(VOID(read(REAL, 2), write(REAL, 1), write(REAL, 1)))
def extents(
    counts: NDArray[np.float64],
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
) -> None:
    """Fill ``lows`` and ``highs`` (K,), the log odds between which each arm lies."""
    last = counts.shape[1] - 1
    for k in range(counts.shape[0]):
        upper = 0.0
        lower = 0.0
        for i in range(last + 1):
            upper += counts[k, i] * i
            lower += counts[k, i] * (last - i)
        middle = math.log(upper / lower)
        lows[k] = middle - reach(counts[k], middle, -1.0)
        highs[k] = middle + reach(counts[k], middle, 1.0)


@kernel(INT(read(REAL, 2), read(REAL, 1), REAL, write(REAL, 1), write(INT, 1)))
def plan(
    counts: NDArray[np.float64],
    highs: NDArray[np.float64],
    start: float,
    widths: NDArray[np.float64],
    alive: NDArray[np.int64],
) -> int:
    """Fill ``widths`` and ``alive``, the arms that a panel concerns; returns how many.

    Panels go from ``start`` to the highest end; if there is no room for more, the last
    takes the rest.
    """
    here, count, panels = start, highs.size, 0
    while here < highs[0] and panels < widths.size:
        while highs[count - 1] <= here:
            count -= 1
        width = highs[0] - here
        if panels + 1 < widths.size:
            for k in range(count):
                width = min(
                    width, pace(counts[k], here, find_saddle(counts[k], here, -here))
                )
            for k in range(count):
                place = here + width
                while width > pace(
                    counts[k], place, find_saddle(counts[k], place, -place)
                ):
                    width *= 0.5
                    place = here + width
        widths[panels] = width
        alive[panels] = count
        here += width
        panels += 1
    return panels


@kernel(VOID(read(REAL, 1), REAL, read(REAL, 1), write(REAL, 2)))
def fill(
    counts: NDArray[np.float64],
    low: float,
    widths: NDArray[np.float64],
    densities: NDArray[np.float64],
) -> None:
    """Fill the ``densities`` (P, Q) of one arm, counts (M,), on panels from ``low``."""
    saddle = -low
    here = low
    for p in range(widths.size):
        for i in range(ORDER):
            place = here + 0.5 * widths[p] * (1.0 + _NODES[i])
            saddle = find_saddle(counts, place, saddle)
            densities[p, i] = density(counts, place, saddle)
        here += widths[p]
