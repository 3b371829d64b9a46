"""A server of our own: started, waited for, stopped."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable
from collections.abc import Callable
from pathlib import Path
from typing import Any

from qbrixcli.embedded import process
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.lock import DirectoryLock

START_SEC = 30.0
RELEASE_SEC = 15.0
PROBE_SEC = 0.02


class Server:
    """One server process that owns a data directory.

    Its output goes to ``server.log`` in that directory, started anew each time.
    """

    def __init__(self, name: str, data_dir: Path, stop_signal: signal.Signals) -> None:
        self._name = name
        self._lock = DirectoryLock(data_dir)
        self._log = data_dir / "server.log"
        self._stop_signal = stop_signal
        self._process: asyncio.subprocess.Process | None = None

    @property
    def process(self) -> asyncio.subprocess.Process:
        """The running process. Raises RuntimeError before the start."""
        if self._process is None:
            raise RuntimeError(f"{self._name} is not running")
        return self._process

    async def claim(self) -> None:
        """Own the data directory. Raises StartError if a former server still runs."""
        if not await self._lock.acquire(RELEASE_SEC):
            raise StartError(
                f"{self._name} already runs on {self._log.parent}"
                f" (started by process {self._lock.owner()}): stop it first"
            )

    async def start(
        self,
        command: list[str],
        ready: Callable[[], Awaitable[bool]],
        **options: Any,
    ) -> None:
        """Start and wait until it answers. Raises StartError if it ends or is late."""
        with self._log.open("wb") as log:
            self._process = await process.start(
                command,
                lock=self._lock,
                orphan_signal=self._stop_signal,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **options,
            )
        try:
            await asyncio.wait_for(self._wait_until(ready), START_SEC)
        except TimeoutError:
            raise StartError(
                f"{self._name} did not answer within {START_SEC:.0f} s, see {self._log}"
            ) from None

    async def _wait_until(self, ready: Callable[[], Awaitable[bool]]) -> None:
        while not await ready():
            if self.process.returncode is not None:
                raise StartError(
                    f"{self._name} ended at start ({self.process.returncode}):"
                    f" {process.tail(self._log)}"
                )
            await asyncio.sleep(PROBE_SEC)

    async def close(self) -> None:
        """Stop the process and let go of the directory."""
        if self._process is not None:
            await process.stop(self._process, self._stop_signal)
            self._process = None
        self._lock.release()
