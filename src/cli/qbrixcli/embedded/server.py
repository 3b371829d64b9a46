"""A server of our own: started, waited for, stopped."""

from __future__ import annotations

import abc
import asyncio
import signal
from pathlib import Path
from types import TracebackType
from typing import Any
from typing import ClassVar
from typing import Self

from qbrixcli.embedded import process
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.lock import DirectoryLock

START_SEC = 30.0
RELEASE_SEC = 15.0
PROBE_SEC = 0.01
STOP_SEC = 3.5


class Server(abc.ABC):
    """One server process that owns a data directory.

    Use it as an async context manager, or start and stop it. Its output goes to
    ``server.log`` in that directory, begun anew at each start.
    """

    name: ClassVar[str]
    stop_signal: ClassVar[signal.Signals]
    directory_mode: ClassVar[int] = 0o700

    def __init__(self, data_dir: Path) -> None:
        self.directory = data_dir.absolute()
        self._lock = DirectoryLock(self.directory)
        self._log = self.directory / "server.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Process id. Raises RuntimeError unless it was started."""
        return self._running().pid

    async def start(self) -> None:
        """Start, and wait until it answers. Raises StartError."""
        mode = self.directory_mode
        self.directory.mkdir(mode=mode, parents=True, exist_ok=True)
        if not await self._lock.acquire(RELEASE_SEC):
            raise StartError(
                f"{self.name} already runs on {self.directory}"
                f" (started by process {self._lock.owner()}): stop it first"
            )
        try:
            await self._launch()
        except BaseException:
            await self.stop()
            raise

    async def wait(self) -> int:
        """Exit code, once the server has ended."""
        return await self._running().wait()

    async def stop(self) -> None:
        """Stop the process and let go of the directory."""
        if self._process is not None:
            await process.stop(self._process, self.stop_signal, STOP_SEC)
            self._process = None
        self._lock.release()

    @abc.abstractmethod
    async def _launch(self) -> None: ...

    @abc.abstractmethod
    async def _answers(self) -> bool: ...

    async def _run(self, command: list[str], **options: Any) -> None:
        with self._log.open("wb") as log:
            self._process = await process.start(
                command,
                lock=self._lock,
                orphan_signal=self.stop_signal,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                **options,
            )
        try:
            async with asyncio.timeout(START_SEC):
                await self._until_it_answers()
        except TimeoutError:
            raise StartError(
                f"{self.name} did not answer in {START_SEC:.0f} s, see {self._log}"
            ) from None

    async def _until_it_answers(self) -> None:
        while not await self._answers():
            code = self._running().returncode
            if code is not None:
                raise StartError(
                    f"{self.name} ended at start ({code}): {process.tail(self._log)}"
                )
            await asyncio.sleep(PROBE_SEC)

    async def _ends_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self.wait()
        except TimeoutError:
            return False
        return True

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._process

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()
