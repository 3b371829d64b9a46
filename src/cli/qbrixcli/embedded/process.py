"""Child processes that end with their parent."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qbrixcli.embedded.lock import DirectoryLock

PR_SET_PDEATHSIG = 1
STOP_SEC = 8.0

_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def die_with_parent(sign: signal.Signals) -> Callable[[], None]:
    """Hook for a new child: the kernel sends it the signal when its parent is gone.

    The kernel watches the parent's *thread*: start children from the main thread.
    """
    parent = os.getpid()

    def hook() -> None:
        if _libc is None:
            return
        _libc.prctl(PR_SET_PDEATHSIG, int(sign), 0, 0, 0)
        if os.getppid() != parent:  # it went away before the kernel knew
            os._exit(1)

    return hook


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
            await asyncio.wait_for(process.wait(), timeout_sec)
        except TimeoutError:
            pass
    _send(os.killpg, process.pid, signal.SIGKILL)
    await process.wait()


def _send(kill: Callable[[int, int], None], pid: int, sign: signal.Signals) -> None:
    try:
        kill(pid, sign)
    except ProcessLookupError:
        return


def tail(log: Path, lines: int = 3) -> str:
    """The last lines of a log, on one line."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return ""
    return " | ".join(line.strip() for line in text.splitlines()[-lines:])
