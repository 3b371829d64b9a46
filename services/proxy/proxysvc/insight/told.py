"""What is told of an experiment."""

from __future__ import annotations

from typing import Self

import msgspec

from qbrixstore.cells import Cell


class ArmInsight(msgspec.Struct, frozen=True):
    """An arm; ``pulls`` is the feedback that its current state has learned from."""

    index: int
    name: str
    counted: Cell
    pulls: int


class Overview(msgspec.Struct, frozen=True):
    """An experiment as counted, and where its learning stands.

    ``waiting`` is the feedback in the log that is not handled yet, of everything that
    shares the experiment's part of it.
    """

    experiment_id: str
    counted: Cell
    unique_contexts: int
    generation: int | None
    param_version: int | None
    learned: int
    waiting: int


class Rewards(msgspec.Struct, frozen=True):
    """Mean, least and largest reward; None without any."""

    mean: float | None = None
    least: float | None = None
    largest: float | None = None

    @classmethod
    def of(cls, cell: Cell) -> Self:
        """Of what was counted."""
        if not cell.feedback:
            return cls()
        mean = cell.reward_sum / cell.feedback
        return cls(mean, cell.reward_min, cell.reward_max)
