"""How selections and rewards travel: refreshes, motors, lost rewards."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.errors import Invalid


class Traffic(msgspec.Struct, frozen=True):
    """Selections between two refreshes, selectors, and the share of rewards heard.

    Each of ``motors`` selectors gets a uniformly random share of the selections and
    accounts for its own choices in flight only. Every ``delay`` selections of all
    motors together, the rewards heard so far are learned and all motors read the
    result. ``told`` is False to withhold from the policy what is in flight. Raises
    Invalid.
    """

    delay: int = 1
    motors: int = 1
    feedback: float = 1.0
    told: bool = True

    def __post_init__(self) -> None:
        if self.delay < 1 or self.motors < 1:
            raise Invalid("delay and motors must be at least 1")
        if not 0.0 <= self.feedback <= 1.0:
            raise Invalid("feedback must be from 0 to 1")

    @property
    def counts_in_flight(self) -> bool:
        """Whether anything can be in flight that a policy is told of."""
        return self.told and (self.delay > 1 or self.feedback < 1.0)

    def draw(self, rng: np.random.Generator, count: int) -> Journey:
        """Who makes the next choices, and whose reward is heard."""
        answered = np.ones(count, dtype=np.bool_)
        if self.feedback < 1.0:
            answered = rng.random(count) < self.feedback
        motors = np.zeros(count, dtype=np.int64)
        if self.motors > 1:
            motors = rng.integers(0, self.motors, count)
        return Journey(answered, motors)


class Journey(NamedTuple):
    """For each of B choices whether its reward is heard, and the motor that made it."""

    answered: NDArray[np.bool_]
    motors: NDArray[np.int64]
