"""The lock on a directory."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from qbrixcli.embedded.lock import DirectoryLock


def test_is_exclusive_and_names_its_owner(tmp_path: Path) -> None:
    with DirectoryLock(tmp_path) as lock:
        other = DirectoryLock(tmp_path)
        assert lock.try_acquire()
        assert not other.try_acquire()
        assert other.owner() == os.getpid()
        assert other.is_held()
    assert not other.is_held()
    assert other.try_acquire()
    other.release()


def test_without_a_file_nobody_holds_it(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    assert not lock.is_held()
    assert lock.owner() == 0


async def test_lasts_as_long_as_a_child_that_inherited_it(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    assert lock.try_acquire()
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "input()"),
        stdin=asyncio.subprocess.PIPE,
        pass_fds=(lock.fd,),
    )
    lock.release()
    other = DirectoryLock(tmp_path)
    assert not await other.acquire(0.1)
    waiting = asyncio.create_task(other.acquire(30))
    await child.communicate(b"\n")
    assert await waiting
    other.release()
