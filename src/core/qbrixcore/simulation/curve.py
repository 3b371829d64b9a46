"""Regret over the steps of many runs.

Shapes: R runs, C checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import Invalid
from qbrixcore.policy.base import Chosen
from qbrixcore.simulation.problem import Block
from qbrixcore.simulation.problem import Problem


class Curve(msgspec.Struct, frozen=True, eq=False):
    """Cumulative pseudo-regret of one policy.

    ``totals`` is (R, C): of each run after each number of steps in ``checkpoints``.
    """

    label: str
    checkpoints: NDArray[np.int64]
    totals: NDArray[np.float64]

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean over the runs, (C,)."""
        mean: NDArray[np.float64] = self.totals.mean(axis=0)
        return mean

    @property
    def stderr(self) -> NDArray[np.float64]:
        """Standard error of the mean, (C,)."""
        runs = len(self.totals)
        error: NDArray[np.float64] = self.totals.std(axis=0, ddof=1) / np.sqrt(runs)
        return error


class Ledger:
    """Adds up the regret of one run and notes it at the checkpoints."""

    def __init__(self, problem: Problem, checkpoints: NDArray[np.int64]) -> None:
        self._hindsight = problem.hindsight
        self._checkpoints = checkpoints
        self._steps = 0
        self._earned = 0.0
        self._possible = np.zeros(problem.num_arms if problem.hindsight else 1)
        self.noted = np.zeros(checkpoints.size)

    def enter(self, block: Block, chosen: Chosen) -> None:
        """The next steps: what each arm pays on average, and which was chosen."""
        arms, count = chosen[0], len(chosen[0])
        here = (self._checkpoints > self._steps) & (
            self._checkpoints <= self._steps + count
        )
        at = self._checkpoints[here] - self._steps - 1
        earned = self._earned + block.means[np.arange(count), arms].cumsum()
        means = block.means if self._hindsight else block.means.max(axis=1)[:, None]
        possible = self._possible + means.cumsum(axis=0)
        self.noted[here] = possible[at].max(axis=1) - earned[at]
        self._steps += count
        self._earned, self._possible = earned[-1], possible[-1]


def spread_checkpoints(horizon: int) -> NDArray[np.int64]:
    """A hundredth, a tenth, a half and all of the horizon, those that differ."""
    return exact_checkpoints([horizon // 100, horizon // 10, horizon // 2, horizon])


def exact_checkpoints(steps: Iterable[int]) -> NDArray[np.int64]:
    """Numbers of steps, sorted, without repeats and zeros. Raises Invalid."""
    points = np.unique(np.array([step for step in steps if step > 0], dtype=np.int64))
    if not points.size:
        raise Invalid("the horizon must be at least one step")
    return points
