"""What a process takes of its machine."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from typing import Final

from qbrixserving.metrics.sheet import Sheet

_STATM: Final = Path("/proc/self/statm")


def add_process(sheet: Sheet) -> None:
    """Have a sheet say how much time and memory this process takes."""
    cpu = sheet.counter("cpu_seconds", "Processor time used.")
    sheet.follow(cpu, time.process_time)
    sheet.show(sheet.gauge("resident_bytes", "Memory held."), _resident)


def _resident() -> int:
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        # elsewhere the most there ever was, in bytes or kilobytes
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * resource.getpagesize()
