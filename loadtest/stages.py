"""How many users there are at which moment, by the name of the shape."""

from __future__ import annotations

import math
from collections.abc import Callable
from collections.abc import Mapping
from typing import Final

CLIMB: Final = 0.7  # of the time, then all of them stay
SPIKES: Final = ((0.25, 0.35), (0.55, 0.75))  # from and to, as parts of the time
CALM: Final = 0.1  # of the users, between spikes
STEADY: Final = 0.5  # of the users, in a soak

Share = float
Seconds = float


def ramp(at: Share) -> Share:
    """More and more, then all."""
    return min(1.0, at / CLIMB)


def spike(at: Share) -> Share:
    """Few, and twice all of a sudden everybody."""
    return 1.0 if any(start <= at < end for start, end in SPIKES) else CALM


def soak(at: Share) -> Share:
    """The same all the time."""
    return STEADY


SHAPES: Final[Mapping[str, Callable[[Share], Share]]] = {
    "ramp": ramp,
    "spike": spike,
    "soak": soak,
}


def users_at(shape: str, elapsed: Seconds, length: Seconds, most: int) -> int | None:
    """Users of a run of ``length``, at least one; None when it is over."""
    if elapsed >= length:
        return None
    return max(1, math.ceil(most * SHAPES[shape](elapsed / length)))
