"""Choices drawn ahead, where they are draws from prepared probabilities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST: Final = 64  # choices drawn at once

Choices = tuple[NDArray[np.int64], NDArray[np.float64]]
_NONE: Final[Choices] = (np.empty(0, dtype=np.int64), np.empty(0))


class Ahead:
    """Independent choices of one state, handed out in the order drawn.

    A call costs as much as fifty choices, however many arms there are, so few at a time
    are dear. Each refill draws twice as many as the one before: a state that is soon
    replaced, or seldom asked, wastes no more than it used.
    """

    __slots__ = ("_choices", "_next", "_size")

    def __init__(self) -> None:
        self._choices = _NONE
        self._next = 0
        self._size = 0

    def take(self, count: int, draw: Callable[[int], Choices]) -> Choices:
        """So many choices: what is left of the last draw, or of a new one."""
        arms, chances = self._choices
        start, end = self._next, self._next + count
        if end > len(arms):
            self._size = max(count, min(2 * self._size, MOST))
            arms, chances = self._choices = draw(self._size)
            start, end = 0, count
        self._next = end
        return arms[start:end], chances[start:end]
