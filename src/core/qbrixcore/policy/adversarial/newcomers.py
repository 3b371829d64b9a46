"""What an arm that joins late starts with, where arms are compared by weights."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def average_weight(log_weights: NDArray[np.float64]) -> float:
    """log of the mean of (K,) weights.

    An arm that starts there takes one share in K + 1 of what follows the weights, and
    leaves the odds between the others as they were.
    """
    top = float(np.maximum.reduce(log_weights))
    return top + math.log(float(np.mean(np.exp(log_weights - top))))


def joined(
    values: NDArray[np.float64], old: int, newcomer: float
) -> NDArray[np.float64]:
    """``values`` (K,) with those behind the first ``old`` set to the newcomer's."""
    return np.concatenate([values[:old], np.full(values.size - old, newcomer)])
