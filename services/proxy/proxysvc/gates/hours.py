"""When a gate is open: from one moment to another, and at certain hours of the day."""

from __future__ import annotations

from datetime import datetime
from datetime import tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

Seconds = float  # since 1970


class Schedule:
    """Both bounds are part of it; one that is missing does not bound."""

    __slots__ = ("_end", "_start")

    def __init__(self, start: datetime | None, end: datetime | None) -> None:
        self._start = float("-inf") if start is None else start.timestamp()
        self._end = float("inf") if end is None else end.timestamp()

    def __contains__(self, now: Seconds) -> bool:
        return self._start <= now <= self._end


class ActiveHours:
    """From the first minute to the last, both included, by the clocks of a zone.

    A span that ends before it starts goes over midnight.
    """

    __slots__ = ("_first", "_last", "_zone")

    def __init__(self, start: str, end: str, zone: tzinfo) -> None:
        """Times are ``HH:MM``."""
        self._first = _minute(start)
        self._last = _minute(end)
        self._zone = zone

    def __contains__(self, now: Seconds) -> bool:
        local = datetime.fromtimestamp(now, self._zone)
        minute = local.hour * 60 + local.minute
        if self._first <= self._last:
            return self._first <= minute <= self._last
        return minute >= self._first or minute <= self._last


@lru_cache(maxsize=1024)
def find_zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (LookupError, OSError, ValueError) as error:
        raise ValueError(f"unknown time zone: {name!r}") from error


def _minute(text: str) -> int:
    hours, _, minutes = text.partition(":")
    return int(hours) * 60 + int(minutes)
