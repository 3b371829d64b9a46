"""How well each experiment decided, and how sure that is.

The audience's click rates are known, so a decision is worth its expected click rate,
free of the luck of single clicks. Standard errors come from 100 batch means. Decisions
improve while they learn, and that trend is in the spread of the batches: the errors err
on the large side. They speak of one run; another run explores differently.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BATCHES = 100
SURE = 3.0


class Outcome(NamedTuple):
    """The expected click rate of one way to decide."""

    label: str
    rate: float
    error: float
    """standard error of the rate"""
    clicks: int | None
    """clicks that happened, where it really decided"""

    def lead(self, other: Outcome) -> float:
        """By how much the rate is above another's."""
        return self.rate - other.rate

    def lead_in_errors(self, other: Outcome) -> float:
        """The lead in standard errors of this rate."""
        if self.error == 0.0:
            return math.copysign(math.inf, self.lead(other)) if self.lead(other) else 0
        return self.lead(other) / self.error


def outcome(
    label: str, expected: NDArray[np.float64], clicks: int | None = None
) -> Outcome:
    """Mean of (T,) expected click rates with its error by batch means, T >= 100.

    Source: Law and Kelton, Simulation Modeling and Analysis, batch means.
    """
    if len(expected) < BATCHES:
        raise ValueError(f"{len(expected)} decisions do not make {BATCHES} batches")
    means = [batch.mean() for batch in np.array_split(expected, BATCHES)]
    error = np.std(means, ddof=1) / math.sqrt(BATCHES)
    return Outcome(label, float(expected.mean()), float(error), clicks)


def behind(entrants: Sequence[Outcome], uniform: Outcome) -> list[Outcome]:
    """Those that do not lead uniform by more than three of their standard errors."""
    return [one for one in entrants if not one.lead_in_errors(uniform) > SURE]
