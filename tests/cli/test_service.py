"""One service as a child process."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from tests.cli.conftest import ticks

from qbrixcli.console import Console
from qbrixcli.embedded.lock import DirectoryLock
from qbrixcli.service import Service

Program = Callable[[str, str], dict[str, str]]

TALKS = """
    import sys
    print("out")
    print("err", file=sys.stderr)
    sys.stdout.write("x" * 200_000 + "\\nno newline")
"""

# a worker in a group of its own that ignores everything but the end of the world
FAMILY = """
    import subprocess, sys, time
    worker = subprocess.Popen([sys.executable, "-um", "worker"])
    print("worker", worker.pid, flush=True)
    time.sleep(600)
"""

WORKER = """
    import os, signal, time
    os.setpgid(0, 0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("up")
    time.sleep(600)
"""

STUBBORN = """
    import os, signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("stubborn", os.getpid(), flush=True)
    time.sleep(600)
"""


@pytest.fixture
async def lock(tmp_path: Path) -> AsyncIterator[DirectoryLock]:
    with DirectoryLock(tmp_path) as lock:
        assert lock.try_acquire()
        yield lock


def service(
    lock: DirectoryLock, environ: dict[str, str], stream: io.StringIO, stop: float = 10
) -> Service:
    return Service("one", "child", environ, lock, Console(stream), stop_sec=stop)


async def until(stream: io.StringIO, text: str) -> None:
    async with asyncio.timeout(60):
        async for _ in ticks():
            if text in stream.getvalue():
                return


async def test_every_line_is_prefixed(lock: DirectoryLock, program: Program) -> None:
    stream = io.StringIO()
    one = service(lock, program("child", TALKS), stream)
    await one.start()
    assert await one.wait() == 0
    lines = stream.getvalue().splitlines()
    prefix = "one      | "
    assert sorted(lines) == sorted(
        [f"{prefix}out", f"{prefix}err", prefix + "x" * 200_000, f"{prefix}no newline"]
    )
    assert one.last_line == "no newline"


async def test_stops_when_asked(lock: DirectoryLock, program: Program) -> None:
    stream = io.StringIO()
    program("worker", WORKER)
    one = service(lock, program("child", FAMILY), stream)
    await one.start()
    await until(stream, "up")
    worker = psutil.Process(int(stream.getvalue().split("worker ")[1].split()[0]))
    await one.stop()
    assert await one.wait() == -signal.SIGTERM
    assert not psutil.wait_procs([worker], timeout=10)[1]


async def test_a_killed_master_takes_its_workers_along(
    lock: DirectoryLock, program: Program
) -> None:
    stream = io.StringIO()
    program("worker", WORKER)
    one = service(lock, program("child", FAMILY), stream)
    await one.start()
    await until(stream, "up")
    worker = psutil.Process(int(stream.getvalue().split("worker ")[1].split()[0]))
    worker.parent().kill()
    async with asyncio.timeout(60):
        assert await one.wait() == -signal.SIGKILL
    assert not psutil.wait_procs([worker], timeout=10)[1]


async def test_is_ended_when_it_does_not_stop(
    lock: DirectoryLock, program: Program
) -> None:
    stream = io.StringIO()
    one = service(lock, program("child", STUBBORN), stream, stop=0.1)
    await one.start()
    await until(stream, "stubborn")
    await one.stop()
    assert await one.wait() == -signal.SIGKILL


async def test_ctrl_c_of_the_terminal_does_not_reach_it(
    lock: DirectoryLock, program: Program
) -> None:
    stream = io.StringIO()
    one = service(lock, program("child", STUBBORN), stream, stop=0.1)
    await one.start()
    await until(stream, "stubborn")
    child = int(stream.getvalue().split()[-1])
    assert os.getpgid(child) == child
    assert os.getsid(child) == child
    await one.stop()


async def test_holds_the_lock_of_the_data_directory(
    lock: DirectoryLock, program: Program, tmp_path: Path
) -> None:
    stream = io.StringIO()
    one = service(lock, program("child", STUBBORN), stream, stop=0.1)
    await one.start()
    await until(stream, "stubborn")
    lock.release()
    assert DirectoryLock(tmp_path).is_held()
    await one.stop()
    assert not DirectoryLock(tmp_path).is_held()
