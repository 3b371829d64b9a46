"""Numbers of several worker processes, in memory that they share.

The process that forks the workers makes the board. Each worker takes a place on it and
writes its numbers there; a place is held by a lock of the kernel, which ends with its
process. Who takes a place goes on from the numbers found there, so that no sum over the
workers goes back when one of them is replaced.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from array import array
from typing import Final

from qbrixserving.metrics.sheet import Sheet

CELLS: Final = 8_192  # of one worker; pages that nobody wrote to take no memory
_SIZE: Final = 8


class Board:
    """Places for ``workers`` processes, twice as many for those that overlap."""

    def __init__(self, workers: int) -> None:
        self._places = 2 * workers
        self._file = _anonymous()
        os.ftruncate(self._file, self._places * CELLS * _SIZE)
        self._map = mmap.mmap(self._file, self._places * CELLS * _SIZE)
        self._cells = memoryview(self._map).cast("d")
        self._mine: int | None = None
        self._leads = False

    def publish(self, sheet: Sheet) -> None:
        """Write the numbers of this process; the first time, take a place."""
        if self._mine is None and not self._take_place(sheet):
            return
        assert self._mine is not None
        self._part(self._mine, len(sheet.cells))[:] = memoryview(
            array("d", sheet.cells)
        )

    def totals(self, sheet: Sheet) -> list[float]:
        """The numbers of all processes in one; gauges of those that live."""
        count = len(sheet.cells)
        totals = [0.0] * count
        gauges = [one for one in sheet.families if one.kind == "gauge"]
        passing = {at for one in gauges for at in one.cells()}
        highest = {at for one in gauges if one.fold == "max" for at in one.cells()}
        for place in range(self._places):
            lives = self._is_taken(place)
            for at, value in enumerate(self._part(place, count).tolist()):
                if at in passing and not lives:
                    continue
                if at in highest:
                    totals[at] = max(totals[at], value)
                else:
                    totals[at] += value
        return totals

    def workers(self) -> int:
        """How many processes hold a place."""
        return sum(self._is_taken(place) for place in range(self._places))

    def leads(self) -> bool:
        """Whether this is the one process that speaks for all."""
        self._leads = self._leads or self._lock(self._places)
        return self._leads

    def close(self) -> None:
        """Give up the place and the memory."""
        self._cells.release()
        self._map.close()
        os.close(self._file)

    def _take_place(self, sheet: Sheet) -> bool:
        for place in range(self._places):
            if self._lock(place):
                self._mine = place
                before = self._part(place, len(sheet.cells)).tolist()
                for family in sheet.families:
                    if family.kind != "gauge":
                        for at in family.cells():
                            sheet.cells[at] += before[at]
                return True
        return False

    def _part(self, place: int, count: int) -> memoryview[float]:
        start = place * CELLS
        return self._cells[start : start + count]

    def _is_taken(self, place: int) -> bool:
        if place == self._mine:
            return True
        if not self._lock(place):
            return True
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place)
        return False

    def _lock(self, byte: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
        except OSError:
            return False
        return True


def _anonymous() -> int:
    """A file without a name, in memory where the system has such."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("qbrix-metrics")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
