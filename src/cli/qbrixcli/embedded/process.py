"""Child processes that end with their parent."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qbrixcli.embedded.lock import DirectoryLock
from qbrixserving.processes import die_with_parent

STOP_SEC = 8.0
PROC = Path("/proc/self").parent

Kill = Callable[[int, int], None]

# the fork handlers of grpc, where it is in use, now and then crash a child before exec
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


async def start(
    command: list[str],
    *,
    lock: DirectoryLock,
    orphan_signal: signal.Signals,
    **options: Any,
) -> asyncio.subprocess.Process:
    """Start a child in a session of its own, so that Ctrl-C reaches only the parent."""
    return await asyncio.create_subprocess_exec(
        *command,
        preexec_fn=die_with_parent(orphan_signal),
        start_new_session=True,
        pass_fds=(lock.fd,),
        **options,
    )


async def stop(
    process: asyncio.subprocess.Process,
    sign: signal.Signals,
    timeout_sec: float = STOP_SEC,
) -> None:
    """Ask a child to end, and end it with its whole session if it does not."""
    if process.returncode is None:
        _send(os.kill, process.pid, sign)
        try:
            async with asyncio.timeout(timeout_sec):
                await process.wait()
        except TimeoutError:
            pass
    for kill, pid in _session(process.pid):
        _send(kill, pid, signal.SIGKILL)
    await process.wait()


def _session(leader: int) -> Iterator[tuple[Kill, int]]:
    """How to reach what a session leader left: each of it, or its own group."""
    if not PROC.is_dir():
        yield os.killpg, leader
        return
    for entry in PROC.iterdir():
        if entry.name.isdigit() and _session_of(entry) == leader:
            yield os.kill, int(entry.name)


def _session_of(entry: Path) -> int:
    try:
        text = (entry / "stat").read_text()
    except OSError:
        return 0
    # the name before it, in parentheses, may hold anything
    return int(text.rpartition(")")[2].split()[3])


def _send(kill: Kill, pid: int, sign: signal.Signals) -> None:
    try:
        kill(pid, sign)
    except (ProcessLookupError, PermissionError):  # the latter: a zombie on macos
        return


def tail(log: Path, lines: int = 3) -> str:
    """The last lines of a log, on one line."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return " | ".join(line.strip() for line in text.splitlines()[-lines:])
