"""Beta densities of log odds, on panels that are fine enough for every arm.

For θ ~ Beta(α, β) the log odds u = log(θ / (1 - θ)) have a density that is smooth,
log-concave and falls off exponentially, whatever α and β: g(u) = α log θ + β log(1 - θ)
up to a constant, greatest at log(α / β).

Shapes: K arms, P panels, Q nodes a panel. Arms are sorted by their upper ends, the
highest first.
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
# draws of log odds beyond these are 0 or 1 to double precision
LOWEST: Final = -744.0
HIGHEST: Final = 54.0 * math.log(2.0)
# the density has an end where it has fallen to exp of this: 5e-12 of it lie beyond
_FALL: Final = -26.0
# widths of panels, in units of the distance on which the density changes
_STEP: Final = 2.0
# from here on it falls exponentially, to all digits
_FAR: Final = 37.0

_NODES, _WEIGHTS = legendre.leggauss(ORDER)


@part
def grown(share: float, by: float) -> float:
    """log(1 + p (exp(d) - 1)), for 0 < p < 1 and any d."""
    if by <= 30.0:
        return math.log1p(share * math.expm1(by))
    exponent = by + math.log(share)
    return exponent if exponent > 36.0 else math.log1p(math.exp(exponent) - share)


@part
def height(alpha: float, beta: float, by: float) -> float:
    """g at ``by`` from where it is greatest, less its greatest value."""
    total = alpha + beta
    if alpha <= beta:
        return alpha * by - total * grown(alpha / total, by)
    return -beta * by - total * grown(beta / total, -by)


@part
def fall(alpha: float, beta: float, sign: float) -> float:
    """How far to walk, up (1) or down (-1), until the density has fallen to its end."""
    far = math.sqrt(-2.0 * _FALL / alpha - 2.0 * _FALL / beta)
    while height(alpha, beta, sign * far) > _FALL:
        far *= 2.0
    near = 0.5 * far
    while height(alpha, beta, sign * near) <= _FALL:
        far = near
        near *= 0.5
    for _ in range(5):
        middle = 0.5 * (near + far)
        if height(alpha, beta, sign * middle) <= _FALL:
            far = middle
        else:
            near = middle
    return far


@part
def chance(odds: float) -> float:
    """θ of any log odds."""
    small = math.exp(-abs(odds))
    return (1.0 if odds >= 0.0 else small) / (1.0 + small)


@part
def softplus(odds: float) -> float:
    """log(1 + exp(u)), which is -log(1 - θ)."""
    return odds if odds > 36.0 else math.log1p(math.exp(odds))


@part
def pace(alpha: float, beta: float, place: float) -> float:
    """How wide a panel at this place may be."""
    theta = chance(place)
    rest = chance(-place)
    slope = 0.25 * (alpha * rest - beta * theta)
    bend = (alpha + beta) * theta * rest
    # the density is analytic up to a distance of π from zero
    return min(_STEP / math.sqrt(bend + slope * slope), 3.0 + 0.5 * abs(place))


@part
def mass(alpha: float, beta: float, low: float, high: float) -> float:
    """∫ exp(g - greatest g) from ``low`` to ``high``."""
    mode = math.log(alpha / beta)
    total = 0.0
    here = low
    while here < high:
        width = min(pace(alpha, beta, here), high - here)
        while width > pace(alpha, beta, here + width):
            width *= 0.5
        for i in range(ORDER):
            place = here + 0.5 * width * (1.0 + _NODES[i])
            part_of = math.exp(height(alpha, beta, place - mode))
            total += 0.5 * width * _WEIGHTS[i] * part_of
        here += width
    return total


@kernel(VOID(read(REAL, 1), read(REAL, 1), write(REAL, 1), write(REAL, 1)))
def extents(
    alpha: NDArray[np.float64],
    beta: NDArray[np.float64],
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
) -> None:
    """Fill ``lows`` and ``highs`` (K,), the log odds between which each arm lies."""
    for k in range(alpha.size):
        mode = math.log(alpha[k] / beta[k])
        lows[k] = mode - fall(alpha[k], beta[k], -1.0)
        highs[k] = mode + fall(alpha[k], beta[k], 1.0)


@kernel(
    VOID(
        read(REAL, 1),
        read(REAL, 1),
        read(REAL, 1),
        read(REAL, 1),
        REAL,
        write(REAL, 1),
        write(REAL, 1),
        write(REAL, 1),
    )
)
def shares(
    alpha: NDArray[np.float64],
    beta: NDArray[np.float64],
    lows: NDArray[np.float64],
    highs: NDArray[np.float64],
    start: float,
    totals: NDArray[np.float64],
    below: NDArray[np.float64],
    above: NDArray[np.float64],
) -> None:
    """Fill what share of each arm lies ``below`` ``start`` and ``above`` ``HIGHEST``.

    ``totals`` are the integrals of exp(g - greatest g). All are (K,).
    """
    for k in range(alpha.size):
        a = alpha[k]
        b = beta[k]
        mode = math.log(a / b)
        under = mass(a, b, max(lows[k], LOWEST), start)
        if lows[k] < LOWEST:
            under += math.exp(height(a, b, LOWEST - mode)) / a
        over = 0.0
        if highs[k] > HIGHEST:
            far = max(HIGHEST, math.log(a + b) + _FAR)
            over = mass(a, b, HIGHEST, min(far, highs[k]))
            if highs[k] > far:
                over += math.exp(height(a, b, far - mode)) / b
        between = mass(a, b, start, min(highs[k], HIGHEST))
        totals[k] = under + between + over
        below[k] = under / totals[k]
        above[k] = over / totals[k]


@kernel(
    INT(
        read(REAL, 1), read(REAL, 1), read(REAL, 1), REAL, write(REAL, 1), write(INT, 1)
    )
)
def plan(
    alpha: NDArray[np.float64],
    beta: NDArray[np.float64],
    highs: NDArray[np.float64],
    start: float,
    widths: NDArray[np.float64],
    alive: NDArray[np.int64],
) -> int:
    """Fill ``widths`` and ``alive``, the arms that a panel concerns; returns how many.

    Panels go from ``start`` to the highest end, or to ``HIGHEST``; if there is no room
    for more, the last takes the rest.
    """
    top = min(highs[0], HIGHEST)
    here = start
    count = alpha.size
    panels = 0
    while here < top and panels < widths.size:
        while highs[count - 1] <= here:
            count -= 1
        width = top - here
        if panels + 1 < widths.size:
            for k in range(count):
                width = min(width, pace(alpha[k], beta[k], here))
            for k in range(count):
                while width > pace(alpha[k], beta[k], here + width):
                    width *= 0.5
        widths[panels] = width
        alive[panels] = count
        here += width
        panels += 1
    return panels


@kernel(
    VOID(
        read(REAL, 1),
        read(REAL, 1),
        read(REAL, 1),
        REAL,
        read(REAL, 1),
        read(INT, 1),
        write(REAL, 3),
    )
)
def fill(
    alpha: NDArray[np.float64],
    beta: NDArray[np.float64],
    totals: NDArray[np.float64],
    start: float,
    widths: NDArray[np.float64],
    alive: NDArray[np.int64],
    densities: NDArray[np.float64],
) -> None:
    """Fill ``densities`` (P, Q, K) at the nodes of the panels.

    Relative to ``start``, g is α d - (α + β) log(1 + θ (exp(d) - 1)), or the same seen
    from the other side where that loses fewer digits.
    """
    at_start = np.empty(alpha.size)
    for k in range(alpha.size):
        at_start[k] = height(alpha[k], beta[k], start - math.log(alpha[k] / beta[k]))
    sign = 1.0 if start <= 0.0 else -1.0
    theta = chance(sign * start)
    here = start
    for p in range(widths.size):
        for i in range(ORDER):
            by = here + 0.5 * widths[p] * (1.0 + _NODES[i]) - start
            if sign * by <= 30.0:
                rise = grown(theta, sign * by)
            else:
                rise = softplus(sign * (start + by)) - softplus(sign * start)
            for k in range(alive[p]):
                steep = alpha[k] if sign > 0.0 else -beta[k]
                g = at_start[k] + steep * by - (alpha[k] + beta[k]) * rise
                densities[p, i, k] = math.exp(g) / totals[k]
        here += widths[p]
