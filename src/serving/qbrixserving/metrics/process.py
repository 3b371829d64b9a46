"""What a process takes of its machine."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Final

from qbrixserving.metrics.sheet import Sheet

_STATM: Final = Path("/proc/self/statm")


class Process:
    """Time and memory of this process, as numbers on its sheet."""

    def __init__(self, sheet: Sheet) -> None:
        self._cpu = sheet.counter("cpu_seconds", "Processor time used.")
        self._memory = sheet.gauge("resident_bytes", "Memory held.")
        self._before = 0.0

    def read(self) -> None:
        """Bring them up to date."""
        used = time.process_time()
        self._cpu.add(used - self._before)
        self._before = used
        self._memory.set(_resident())


def _resident() -> int:
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        # elsewhere the most there ever was, in bytes or kilobytes
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * resource.getpagesize()
