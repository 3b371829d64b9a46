"""Upper confidence bounds by the Kullback-Leibler divergence of Bernoulli rewards.

Shapes: K arms of which M are active, N choices. ``total`` (K,) is the sum of the
rewards of an arm, ``pulls`` (K,) their number, ``in_flight`` (K,) the choices whose
reward is not known yet.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from qbrixkernels.declare import BOOL
from qbrixkernels.declare import INT
from qbrixkernels.declare import REAL
from qbrixkernels.declare import VOID
from qbrixkernels.declare import kernel
from qbrixkernels.declare import part
from qbrixkernels.declare import read
from qbrixkernels.declare import write

# means and bounds this close to 0 or 1 are taken for 0 or 1
EDGE: Final = 1e-12
_MOST_STEPS: Final = 60


@part
def divergence(p: float, q: float) -> float:
    """kl(p, q) = p log(p/q) + (1-p) log((1-p)/(1-q)), for 0 <= p <= 1, 0 < q < 1."""
    if p < EDGE:
        return -math.log1p(-q)
    if p > 1.0 - EDGE:
        return -math.log(q)
    gap = q - p
    return -p * math.log1p(gap / p) - (1.0 - p) * math.log1p(-gap / (1.0 - p))


@part
def bound(p: float, budget: float) -> float:
    """The largest q with kl(p, q) <= budget, to 1e-11.

    Newton's method with Halley's correction for -log(1 - q), between brackets that
    bisect whatever step leaves them. At most five steps from where it starts.
    """
    if budget <= 0.0:
        return p
    if p < EDGE:
        return -math.expm1(-budget)
    room = 1.0 - p
    if room <= 2.0 * EDGE:
        return 1.0
    least, most = 0.0, room - EDGE
    width = math.sqrt(2.0 * p * room * budget)
    gap = width + (1.0 - 2.0 * p) * budget / 1.5
    if width > 0.5 * room:
        # kl(p, q) >= p log p + (1-p) log((1-p)/(1-q)), solved exactly
        gap = room - room * math.exp((p * math.log(p) - budget) / room)
    gap = min(gap, most)
    for _ in range(_MOST_STEPS):
        excess = -p * math.log1p(gap / p) - room * math.log1p(-gap / room) - budget
        if excess > 0.0:
            most = gap
        elif gap >= room - EDGE:
            return 1.0
        else:
            least = gap
        q = p + gap
        step = q * excess / gap
        bend = 0.5 * step * p * (room - gap) / (q * gap)
        if bend < 0.5:
            step /= 1.0 - bend
        after = gap - (room - gap) * math.expm1(step)
        if not least <= after <= most:
            after = 0.5 * (least + most)
        step = abs(after - gap)
        gap = after
        if step <= 1e-5 * min(gap, room - gap) + 1e-15:
            break
    return p + gap


@part
def surely_below(p: float, budget: float, q: float) -> bool:
    """Whether bound(p, budget) < q, for sure: False wherever rounding could decide."""
    q = min(q, 1.0 - EDGE)
    if p >= q:
        return False
    if p + math.sqrt(0.5 * budget) < q - 1e-9:
        return True
    # q is a rounded bound itself; the slope of kl says how much that matters
    rounding = 1e-15 + 1e-14 * (q - p) / (q * (1.0 - q))
    return divergence(p, q) > budget * (1.0 + 1e-9) + rounding


@kernel(
    VOID(
        read(REAL, 1),
        read(INT, 1),
        REAL,
        BOOL,
        read(BOOL, 1),
        read(REAL, 1),
        read(REAL, 1),
        write(INT, 1),
        write(REAL, 1),
    )
)
def select(
    total: NDArray[np.float64],
    pulls: NDArray[np.int64],
    c: float,
    plus: bool,
    active: NDArray[np.bool_],
    in_flight: NDArray[np.float64],
    ties: NDArray[np.float64],
    arms: NDArray[np.int64],
    propensities: NDArray[np.float64],
) -> None:
    """Take the largest max{q : n kl(μ, q) <= log x + c log log x}, row by row.

    n counts the choices in flight, those of the rows before included; x is t, or t / n
    if ``plus``, and a negative log log x counts as zero. An arm never played comes
    first; one whose plays are all in flight is taken for an average one. ``ties`` (N,)
    is uniform in [0, 1). Fills ``arms`` and ``propensities``, one over the number of
    equal best. Bounds are solved for arms that may reach the largest only.
    """
    which = np.flatnonzero(active)
    learned = pulls.sum()
    average = total.sum() / learned if learned > 0 else 0.5
    t = learned + in_flight.sum()
    plays = np.empty(which.size)
    means = np.empty(which.size)
    logs = np.zeros(which.size)
    for m in range(which.size):
        k = which[m]
        plays[m] = pulls[k] + in_flight[k]
        means[m] = total[k] / pulls[k] if pulls[k] > 0 else average
        if plus and plays[m] > 0.0:
            logs[m] = math.log(plays[m])
    equals = np.empty(which.size, dtype=np.int64)
    last = 0
    for n in range(ties.size):
        log_t = math.log(max(t, 1.0))
        top = -np.inf
        equals[0] = last
        equal = 0
        for turn in range(which.size):
            # the arm chosen last is probably among the best: the others hide behind it
            m = (last + turn) % which.size
            index = np.inf
            if plays[m] > 0.0:
                reach = max(log_t - logs[m], 0.0)
                if c > 0.0:
                    reach += c * math.log(max(reach, 1.0))
                budget = reach / plays[m]
                if surely_below(means[m], budget, top):
                    continue
                index = bound(means[m], budget)
            if index > top:
                top = index
                equal = 0
            if index == top:
                equals[equal] = m
                equal += 1
        # none is the largest where a damaged state gives no numbers
        equal = max(equal, 1)
        last = equals[int(ties[n] * equal)]
        arms[n] = which[last]
        propensities[n] = 1.0 / equal
        t += 1.0
        plays[last] += 1.0
        if plus:
            logs[last] = math.log(plays[last])
