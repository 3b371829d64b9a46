"""A bounded number of things at once; one more is refused, never queued."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from qbrixcore.errors import Overloaded


class Turns:
    """At most ``most`` at once."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken_now = 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Takes a turn for the block. Raises Overloaded."""
        if self.taken_now >= self._most:
            raise Overloaded("too many requests are under way")
        self.taken_now += 1
        try:
            yield
        finally:
            self.taken_now -= 1
