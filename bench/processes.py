"""The services as the operating system sees them: CPU time, memory, libraries."""

from __future__ import annotations

from pathlib import Path

import msgspec
import psutil

SERVICES = ("proxysvc", "motorsvc", "cortexsvc")


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds spent so far and resident bytes of a service."""

    cpu: float
    rss: int


def find_services() -> dict[str, psutil.Process]:
    """The process of each service among our children; of the proxy its worker."""
    return {name: find_worker(name) for name in SERVICES}


def find_worker(word: str) -> psutil.Process:
    """The child with this word on its command line. Raises RuntimeError."""
    found = [
        child
        for child in psutil.Process().children(recursive=True)
        if word in child.cmdline()
    ]
    if not found:
        raise RuntimeError(f"{word} is not running")
    # a worker comes after the parent that forked it
    return found[-1]


def usage(process: psutil.Process) -> Usage:
    """Of the process alone."""
    times = process.cpu_times()
    return Usage(times.user + times.system, process.memory_info().rss)


def cpu(services: dict[str, psutil.Process]) -> dict[str, float]:
    """CPU seconds spent so far, by service."""
    return {name: usage(process).cpu for name, process in services.items()}


def loads(process: psutil.Process, library: str) -> bool:
    """Whether any file with this in its path is mapped into the process."""
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    return any(f"/{library}/" in line for line in maps.splitlines())
