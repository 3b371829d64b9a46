"""How a service process starts, stops, and does not outlive its parent."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
import signal
import socket
import sys
from collections.abc import Awaitable
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvloop

from qbrixlog import configure_logging
from qbrixserving.background import has_failed
from qbrixserving.settings import SettingsError

_PR_SET_PDEATHSIG: Final = 1
_LINUX: Final = sys.platform == "linux"
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if _LINUX else None
PARENT_POLL_SEC: Final = 1.0

Main = Callable[[asyncio.Event], Awaitable[None]]


class CannotStart(Exception):
    """Says in one line why, and what to do."""


def run(main: Main, service: str | None = None, *, follow_parent: bool = False) -> None:
    """Run ``await main(stop)`` on uvloop; SIGTERM and SIGINT set the event ``stop``.

    With a service name logging is configured first. Wrong settings and
    CannotStart end the process with their text alone and code 2. ``follow_parent``
    also stops when the process that started this one is gone. Code 1 says that work
    in the background failed.
    """
    try:
        if service is not None:
            _configure_logging(service)
        uvloop.run(_until_stopped(main, follow_parent))
    except (SettingsError, CannotStart) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(2) from None
    if has_failed():
        raise SystemExit(1)


async def _until_stopped(main: Main, follow_parent: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    watch = _follow_parent(stop) if follow_parent else None
    try:
        await main(stop)
    finally:
        if watch is not None:
            watch.cancel()


def _configure_logging(service: str) -> None:
    try:
        configure_logging(service)
    except ValueError as error:
        raise CannotStart(error) from None


def _follow_parent(stop: asyncio.Event) -> asyncio.Task[None]:
    parent = os.getppid()
    if _LINUX:
        _ask_for_signal(signal.SIGTERM)
    return asyncio.create_task(_watch(parent, stop))


async def _watch(parent: int, stop: asyncio.Event) -> None:
    while os.getppid() == parent and not stop.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(PARENT_POLL_SEC):
                await stop.wait()
    stop.set()


def die_with_parent(number: int = signal.SIGTERM) -> Callable[[], None]:
    """A ``preexec_fn`` with which a child gets the signal when this process is gone.

    Linux only; elsewhere it does nothing. It fires when the parent *thread* ends, so
    start children from the main thread. The setting survives exec of an ordinary
    program, and a change of user before it (``user=`` of subprocess).
    """
    parent = os.getpid()

    def prepare() -> None:
        if not _LINUX:
            return
        _ask_for_signal(number)
        # the parent may have gone between fork and here
        if os.getppid() != parent:
            os.kill(os.getpid(), number)

    return prepare


def _ask_for_signal(number: int) -> None:
    assert _LIBC is not None
    if _LIBC.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl refused PR_SET_PDEATHSIG")


def port_is_free(host: str, port: int) -> bool:
    """Whether nobody listens there, not even with SO_REUSEPORT.

    Raises OSError when listening is not possible for another reason, such as a
    privileged port or an address that this machine does not have.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for family, kind, protocol, _, address in found:
        with socket.socket(family, kind, protocol) as probe:
            # old connections in TIME_WAIT do not count, listeners do
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(address)
                probe.listen(1)
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return False
                raise
    return True
