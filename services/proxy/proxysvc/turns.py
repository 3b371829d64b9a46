"""A bounded number of things at once; one more is refused, never queued."""

from __future__ import annotations

from qbrixcore.errors import Overloaded


class Turns:
    """At most ``most`` at once: a block ``with`` them takes a turn, or Overloaded."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken_now = 0

    def __enter__(self) -> None:
        if self.taken_now >= self._most:
            raise Overloaded("too many requests are under way")
        self.taken_now += 1

    def __exit__(self, *raised: object) -> None:
        self.taken_now -= 1
