"""The latest choices of an experiment: when, which arms, for which contexts.

Shapes: D features, N choices.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_right
from typing import Final

import numpy as np
from numpy.typing import NDArray

MOST: Final = 4_096  # choices
MOST_WORK: Final = 500_000  # cells of an inverse that taking them all in changes
LEAST: Final = 16

Rows = tuple[NDArray[np.int64], NDArray[np.float32]]


class Memory:
    """Holds choices with ``width`` features each, from oldest to latest.

    ``total`` counts all choices there ever were. When there are twice as many as it is
    for, the older half is forgotten. Whoever calls a method holds the ``lock``.
    """

    __slots__ = ("_arms", "_most", "_ms", "_vectors", "lock", "total", "width")

    def __init__(self, width: int) -> None:
        self.width = width
        self.total = 0
        self.lock = threading.Lock()
        self._most = min(MOST, max(LEAST, MOST_WORK // (1 + width * width)))
        self._ms: array[int] = array("q")
        self._arms: array[int] = array("i")
        self._vectors = bytearray()

    def __len__(self) -> int:
        return len(self._ms)

    def add(
        self, ms: int, arms: NDArray[np.int64], contexts: NDArray[np.float32]
    ) -> int:
        """Hold choices made now; how many there ever were before them."""
        before = self.total
        count = len(arms)
        if count == 1:
            self._ms.append(ms)
            self._arms.append(arms[0])
        else:
            self._ms.extend([ms] * count)
            self._arms.extend(arms.tolist())
        if self.width:
            self._vectors += contexts.tobytes()
        self.total = before + count
        if len(self._ms) >= 2 * self._most:
            self._drop(len(self._ms) - self._most)
        return before

    def forget(self, ms: int) -> int:
        """Let go of what was chosen up to a time; how many that were."""
        # a clock that was set back only makes this less exact
        count = bisect_right(self._ms, ms)
        self._drop(count)
        return count

    def behind(self, total: int) -> tuple[Rows, int]:
        """The choices held that came behind the first ``total``; all there ever were.

        Arms are int64 (N,), contexts float32 (N, D).
        """
        start = max(0, len(self._ms) - (self.total - total))
        arms = np.array(self._arms[start:], dtype=np.int64)
        rest = bytes(self._vectors[4 * self.width * start :])
        contexts = np.frombuffer(rest, dtype=np.float32)
        return (arms, contexts.reshape(len(arms), self.width)), self.total

    def _drop(self, count: int) -> None:
        if count:
            del self._ms[:count]
            del self._arms[:count]
            del self._vectors[: 4 * self.width * count]
