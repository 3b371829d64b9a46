"""How long to wait before something that ended is started again."""

from __future__ import annotations

FIRST_SEC = 0.1
LONGEST_SEC = 5.0
HEALTHY_SEC = 10.0
LOOP = 5


class Backoff:
    """Exponential delays, forgotten once something stayed up.

    Args:
        first_sec: delay after the first failure; each further one doubles it.
        longest_sec: bound of the delay.
        healthy_sec: uptime after which earlier failures no longer count.
    """

    def __init__(
        self,
        first_sec: float = FIRST_SEC,
        longest_sec: float = LONGEST_SEC,
        healthy_sec: float = HEALTHY_SEC,
    ) -> None:
        self._first = first_sec
        self._longest = longest_sec
        self._healthy = healthy_sec
        self.failures = 0

    def failed(self, uptime_sec: float) -> float:
        """Note an end after so many seconds; the delay before the next start."""
        if uptime_sec >= self._healthy:
            self.failures = 0
        self.failures += 1
        return float(min(self._longest, self._first * 2 ** (self.failures - 1)))

    @property
    def looping(self) -> bool:
        """Whether it just failed so often that a person should look."""
        return self.failures == LOOP
