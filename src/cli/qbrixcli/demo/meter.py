"""What is measured while the traffic runs."""

from __future__ import annotations

import time
from collections import deque
from typing import NamedTuple

import numpy as np

from qbrixcli.demo.calls import Selected
from qbrixcli.demo.log import ITEMS

RECENT = 4096
SPEED_SEC = 3.0


class Quantiles(NamedTuple):
    """Median and 99th percentile, in seconds; NaN while nothing was measured."""

    p50: float
    p99: float


class Lag:
    """Time until learning reaches a decision.

    From an accepted feedback to the first select answered from params newer than any
    that had been seen when the feedback was accepted. One probe runs at a time.
    """

    def __init__(self) -> None:
        self.seconds: deque[float] = deque(maxlen=RECENT)
        self.version = -1
        self._probe: tuple[int, float] | None = None

    def accepted(self) -> None:
        """A feedback has been accepted just now."""
        if self._probe is None:
            self._probe = (self.version, time.perf_counter())

    def saw(self, version: int) -> None:
        """A select was answered from this version of the params."""
        self.version = max(self.version, version)
        if self._probe is not None and version > self._probe[0]:
            self.seconds.append(time.perf_counter() - self._probe[1])
            self._probe = None


class Meter:
    """Decisions and rewards of one experiment in one part of the demo."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.lag = Lag()
        self.pulls = np.zeros(ITEMS, dtype=np.int64)
        self.rewarded = np.zeros(ITEMS, dtype=np.int64)
        self.rewards = np.zeros(ITEMS, dtype=np.int64)

    def selected(self, choice: Selected) -> None:
        """A select was answered."""
        self.pulls[choice.item] += 1
        if choice.version is not None:
            self.lag.saw(choice.version)

    def learned(self, item: int, reward: int) -> None:
        """A feedback was accepted."""
        self.rewarded[item] += 1
        self.rewards[item] += reward
        self.lag.accepted()


class Pace:
    """Speed and latency of all selects together."""

    def __init__(self) -> None:
        self.count = 0
        self._seconds: deque[float] = deque(maxlen=RECENT)
        self._marks: deque[tuple[float, int]] = deque()

    def add(self, seconds: float) -> None:
        """One select took so long."""
        if not self._marks:
            self._marks.append((time.perf_counter(), 0))
        self.count += 1
        self._seconds.append(seconds)

    def per_second(self) -> float:
        """Selects a second over the last seconds."""
        now = time.perf_counter()
        self._marks.append((now, self.count))
        while len(self._marks) > 2 and self._marks[0][0] < now - SPEED_SEC:
            self._marks.popleft()
        since, count = self._marks[0]
        return (self.count - count) / max(now - since, 1e-9)

    def latency(self) -> Quantiles:
        """Latency of the latest selects, as this client sees it."""
        return quantiles(self._seconds)


def quantiles(seconds: deque[float]) -> Quantiles:
    """Median and 99th percentile of what was measured."""
    if not seconds:
        return Quantiles(float("nan"), float("nan"))
    p50, p99 = np.quantile(np.array(seconds), (0.5, 0.99))
    return Quantiles(float(p50), float(p99))
