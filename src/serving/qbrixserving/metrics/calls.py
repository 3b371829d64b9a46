"""Calls that a service answers: how many, how fast, and what was wrong with them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from collections.abc import Mapping
from time import perf_counter
from typing import Final

from qbrixserving.metrics.sheet import Histogram
from qbrixserving.metrics.sheet import Number
from qbrixserving.metrics.sheet import Sheet

LONG: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
OUTCOMES: Final = ("ok", "refused", "failed")


class Call:
    """One kind of call on one wire; when it began is told by ``perf_counter``."""

    __slots__ = (
        "_at",
        "_bounds",
        "_cells",
        "_errors",
        "_failed",
        "_ok",
        "_refused",
        "_sum",
    )

    def __init__(
        self,
        cells: list[float],
        seconds: Histogram,
        outcomes: tuple[int, int, int],
        errors: Mapping[str, Number],
    ) -> None:
        """``outcomes`` are their places in ``cells``."""
        self._cells = cells
        self._at = seconds.at
        self._bounds = seconds.bounds
        self._sum = seconds.at + len(seconds.bounds) + 1
        self._ok, self._refused, self._failed = outcomes
        self._errors = errors

    def ok(self, began: float) -> None:
        """It was answered with what was asked for."""
        self._count(began, self._ok)

    def error(self, began: float, code: str, *, ours: bool) -> None:
        """It was answered with an error: the caller's mistake, or ``ours``."""
        self._count(began, self._failed if ours else self._refused)
        number = self._errors.get(code)
        if number is not None:
            number.add()

    def _count(self, began: float, outcome: int) -> None:
        spent = perf_counter() - began
        # written out: this is done for every select
        cells = self._cells
        cells[self._at + bisect_left(self._bounds, spent)] += 1
        cells[self._sum] += spent
        cells[outcome] += 1


class Calls:
    """All kinds of calls of a service. Which codes a wire knows is fixed."""

    def __init__(
        self,
        sheet: Sheet,
        kinds: Iterable[str],
        codes: Mapping[str, Iterable[str]],
        slow: Iterable[str] = (),
    ) -> None:
        """``codes`` are the codes of errors by wire; ``slow`` are kinds, too.

        Fractions of a millisecond are nothing to those, and cost a sample each.
        """
        names, slow = tuple(kinds), tuple(slow)
        self._sheet = sheet
        self._requests = sheet.counters(
            "requests",
            "Calls answered: ok, refused (the caller's mistake, or too many), failed.",
            wire=codes,
            call=names + slow,
            outcome=OUTCOMES,
        )
        seconds = sheet.histograms(
            "request_seconds",
            "Time from the arrival of a call to its answer.",
            wire=codes,
            call=names,
        )
        self._seconds = dict.fromkeys(names, seconds)
        if slow:
            seconds = sheet.histograms(
                "control_seconds",
                "The same of calls that are not on the hot path.",
                LONG,
                wire=codes,
                call=slow,
            )
            self._seconds |= dict.fromkeys(slow, seconds)
        errors = sheet.counters(
            "errors", "Calls answered with an error, by its code.", wire=(), code=()
        )
        self._errors = {
            wire: {str(code): errors.of(wire, str(code)) for code in known}
            for wire, known in codes.items()
        }

    def of(self, wire: str, kind: str) -> Call:
        """Calls of one kind on one wire."""
        ok, refused, failed = (
            self._requests.of(wire, kind, outcome).at for outcome in OUTCOMES
        )
        return Call(
            self._sheet.cells,
            self._seconds[kind].of(wire, kind),
            (ok, refused, failed),
            self._errors[wire],
        )
