"""Which contexts a rollout takes in: a stable hash of the id, salted by experiment.

A context is in if BLAKE2b-64 of ``<experiment id>:<context id>`` in UTF-8, read as a
big-endian number, is less than percentage / 100 * 2**64. The threshold only moves up
with the percentage, so nobody who is in leaves while it grows.
"""

from __future__ import annotations

import math
from fractions import Fraction
from hashlib import blake2b
from typing import Final

_DIGEST: Final = 8
_SPACE: Final = 2**64


class Rollout:
    """The rollout of one experiment to a percentage of its contexts."""

    __slots__ = ("_salted", "_threshold")

    def __init__(self, experiment: str, percentage: float) -> None:
        """The percentage is from 0 to 100."""
        self._threshold = math.ceil(Fraction(percentage) * _SPACE / 100)
        self._salted = blake2b(f"{experiment}:".encode(), digest_size=_DIGEST)

    def __contains__(self, context_id: str) -> bool:
        if self._threshold == _SPACE:
            return True
        salted = self._salted.copy()
        # an id that is no valid text has its place too
        salted.update(context_id.encode("utf-8", "surrogatepass"))
        return int.from_bytes(salted.digest(), "big") < self._threshold
