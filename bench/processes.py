"""Processes as the operating system sees them: CPU time, memory, libraries."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psutil

SERVICES = ("proxysvc", "motorsvc", "cortexsvc")
PORT = "PROXY_HTTP_PORT"

Group = Sequence[psutil.Process]


class Usage(msgspec.Struct, frozen=True):
    """CPU seconds spent so far and resident bytes."""

    cpu: float
    rss: int


def find_services(port: str) -> dict[str, Group]:
    """The processes of each service of the system that listens at a port.

    Of a proxy the parent comes first, then its workers. Raises RuntimeError.
    """
    found: dict[str, list[psutil.Process]] = {name: [] for name in SERVICES}
    for child in _children():
        name = next((name for name in SERVICES if name in child.cmdline()), None)
        if name is not None and child.environ().get(PORT) == port:
            found[name].append(child)
    for name, group in found.items():
        if not group:
            raise RuntimeError(f"{name} is not running")
    return {name[:-3]: group for name, group in found.items()}


def find_worker(word: str) -> psutil.Process:
    """The child with this in its command line. Raises RuntimeError."""
    found = [child for child in _children() if word in " ".join(child.cmdline())]
    if not found:
        raise RuntimeError(f"{word} is not running")
    # a worker comes after the parent that forked it
    return found[-1]


def usage(process: psutil.Process) -> Usage:
    """Of the process alone."""
    times = process.cpu_times()
    return Usage(times.user + times.system, process.memory_info().rss)


def cpu(groups: Mapping[str, Group]) -> dict[str, float]:
    """CPU seconds spent so far, by the name of the group."""
    return {
        name: sum(usage(process).cpu for process in group)
        for name, group in groups.items()
    }


def largest(group: Group) -> float:
    """Megabytes that the largest of a group has resident."""
    return max(usage(process).rss for process in group) / 1e6


def loads(process: psutil.Process, library: str) -> bool:
    """Whether any file with this in its path is mapped into the process."""
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    return any(f"/{library}/" in line for line in maps.splitlines())


def _children() -> Iterator[psutil.Process]:
    for child in psutil.Process().children(recursive=True):
        if child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
            yield child
