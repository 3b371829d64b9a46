"""Confidence intervals of a mean, and of a ratio of means.

Shapes: N terms.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import Invalid

Reals = NDArray[np.float64]

KINDS = ("normal", "bootstrap", "bernstein")
_CELLS = 2_000_000


class Interval(msgspec.Struct, frozen=True):
    """How an interval is made: ``kind``, and its ``level`` of confidence.

    - ``normal``: the estimate ± z standard errors. Right for many rows, and cheap.
    - ``bootstrap``: percentiles of the estimate over rows drawn again. It follows the
      skewness of rare rewards, which the normal one does not.
    - ``bernstein``: the empirical Bernstein bound [1]_, which holds for any number of
      rows, and is several times wider. Weights may not exceed ``largest_weight``, the
      largest one seen by default; a promise only where that is true of all rows.

    ``resamples`` bootstrap estimates follow from ``seed``. Raises Invalid.

    References
    ----------
    .. [1] Maurer, A. and Pontil, M. (2009). Empirical Bernstein bounds and sample
       variance penalization. COLT. Theorem 4.
    """

    kind: str = "normal"
    level: float = 0.95
    seed: int = 0
    resamples: int = 2000
    largest_weight: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Invalid(f"an interval is one of {', '.join(KINDS)}")
        if not 0.0 < self.level < 1.0:
            raise Invalid("the level of an interval must be between 0 and 1")
        if self.resamples < 100:
            raise Invalid("percentiles need 100 resamples")


def around(value: float, stderr: float, level: float) -> tuple[float, float]:
    """The normal interval."""
    reach = NormalDist().inv_cdf(0.5 + level / 2) * stderr
    return value - reach, value + reach


def resampled(
    above: Reals, below: Reals | None, interval: Interval
) -> tuple[float, float]:
    """The bootstrap interval of mean(above), or of mean(above) / mean(below)."""
    rng = np.random.default_rng(interval.seed)
    found, step = [], max(1, _CELLS // above.size)
    for start in range(0, interval.resamples, step):
        count = min(step, interval.resamples - start)
        rows = rng.integers(0, above.size, (count, above.size))
        estimates = above[rows].mean(axis=1)
        if below is not None:
            mass = below[rows].mean(axis=1)
            np.divide(estimates, mass, out=estimates, where=mass > 0)
        found.append(estimates)
    tail = (1.0 - interval.level) / 2
    low, high = np.quantile(np.concatenate(found), [tail, 1.0 - tail])
    return float(low), float(high)


def bounded(terms: Reals, low: float, high: float, level: float) -> tuple[float, float]:
    """The empirical Bernstein interval of mean(terms), all in [low, high]."""
    size, log = terms.size, math.log(4.0 / (1.0 - level))
    reach = math.sqrt(2.0 * float(terms.var(ddof=1)) * log / size)
    reach += 7.0 * (high - low) * log / (3.0 * (size - 1))
    middle = float(terms.mean())
    return middle - reach, middle + reach
