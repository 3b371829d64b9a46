"""A lock on a directory that lasts as long as any process that inherited it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path
from types import TracebackType

POLL_SEC = 0.05


class DirectoryLock:
    """Exclusive ownership of a directory.

    The lock belongs to an open file. Children that inherit the descriptor (``fd``) hold
    it too, so that whoever comes after a killed parent waits until the last child of it
    is gone.
    """

    def __init__(self, directory: Path, name: str = "lock") -> None:
        self._path = directory / name
        self._fd = -1

    @property
    def fd(self) -> int:
        """Descriptor to pass on to children."""
        return self._fd

    def owner(self) -> int:
        """Process that took the lock last, 0 if nobody wrote it down."""
        try:
            return int(self._path.read_text() or 0)
        except (OSError, ValueError):
            return 0

    def try_acquire(self) -> bool:
        """Take the lock if it is free. Raises OSError if the file cannot be opened."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd
        return True

    def is_held(self) -> bool:
        """Whether somebody holds it at this moment."""
        if not self._path.exists() or not self.try_acquire():
            return self._path.exists()
        self.release()
        return False

    async def acquire(self, timeout_sec: float) -> bool:
        """Take the lock, waiting for its holder; False if it is still held then."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_sec
        while not self.try_acquire():
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(POLL_SEC)
        return True

    def release(self) -> None:
        """Let go. Children that inherited the lock keep it until they end."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> DirectoryLock:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()
