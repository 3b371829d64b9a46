"""A small world whose target value is known exactly."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from qbrixcore.evaluation.log import Log

Reals = NDArray[np.float64]

ARMS = 4
FEATURES = np.random.default_rng(2).standard_normal((12, 2)).astype(np.float32)


def _softmax(scores: Reals) -> Reals:
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(grown / grown.sum(axis=1, keepdims=True))


_RNG = np.random.default_rng(3)
_SCORES = FEATURES.astype(np.float64) @ _RNG.standard_normal((2, ARMS))
CHANCES = 1 / (1 + np.exp(1 - _SCORES))  # of a reward, by context and arm
LOGGED = 0.3 / ARMS + 0.7 * _softmax(_SCORES @ _RNG.standard_normal((ARMS, ARMS)))
TARGET = _softmax(2 * CHANCES)
TRUTH = float((TARGET * CHANCES).sum(axis=1).mean())


class Drawn(NamedTuple):
    """A log of the world, and what the target would do in its rows."""

    log: Log
    target: Reals


def draw(seed: int, rows: int) -> Drawn:
    """Contexts are uniform over the twelve, choices follow LOGGED, rewards CHANCES."""
    rng = np.random.default_rng(seed)
    which = rng.integers(0, len(FEATURES), rows)
    reached = LOGGED[which].cumsum(axis=1)
    arms = (rng.random((rows, 1)) >= reached[:, :-1]).sum(axis=1)
    rewards = (rng.random(rows) < CHANCES[which, arms]).astype(np.float64)
    log = Log.of(arms, rewards, LOGGED[which, arms], FEATURES[which], ARMS)
    return Drawn(log, TARGET[which])
