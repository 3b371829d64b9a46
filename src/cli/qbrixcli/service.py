"""One service as a child process whose output is prefixed and passed on."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import Mapping
from typing import IO

from qbrixcli.console import Console
from qbrixcli.embedded import process
from qbrixcli.embedded.lock import DirectoryLock

CHUNK = 65_536
KEPT_LINES = 20


class Service:
    """A process of ours, started from a module.

    Args:
        name: who speaks, in front of each line of output.
        module: what ``python -m`` runs.
        environ: the whole environment of the process.
        lock: held by the process as long as it lives.
        console: where its output goes.
        stop_sec: how long it may take to end when asked.
    """

    def __init__(
        self,
        name: str,
        module: str,
        environ: Mapping[str, str],
        lock: DirectoryLock,
        console: Console,
        stop_sec: float = 3.0,
    ) -> None:
        self.name = name
        self._command = [sys.executable, "-m", module]
        self._environ = {**environ, "PYTHONUNBUFFERED": "1"}
        self._lock = lock
        self._console = console
        self._stop_sec = stop_sec
        self._last: deque[str] = deque(maxlen=KEPT_LINES)
        self._process: asyncio.subprocess.Process | None = None
        self._pump: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """Process id. Raises RuntimeError unless it was started."""
        return self._running().pid

    @property
    def last_line(self) -> str:
        """What it said last."""
        return self._last[-1] if self._last else "it said nothing"

    async def start(self) -> None:
        """Start the process; it is not ready yet."""
        # a pipe of asyncio's own would make wait() wait for whoever inherited it
        reading, writing = os.pipe()
        try:
            self._process = await process.start(
                self._command,
                lock=self._lock,
                # its stores go at the same moment: nothing is left to finish
                orphan_signal=signal.SIGKILL,
                env=self._environ,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        self._pump = asyncio.create_task(self._pass_on(os.fdopen(reading, "rb", 0)))

    async def wait(self) -> int:
        """Exit code, once it has ended with all it started. Raises RuntimeError."""
        code = await self._running().wait()
        await self.stop()
        return code

    async def stop(self) -> None:
        """Ask it to end, and end it with its whole session if it does not."""
        if self._process is not None:
            await process.stop(self._process, signal.SIGTERM, self._stop_sec)
        if self._pump is not None:
            await self._pump

    def _running(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{self.name} is not running")
        return self._process

    async def _pass_on(self, pipe: IO[bytes]) -> None:
        loop = asyncio.get_running_loop()
        output = asyncio.StreamReader()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(output), pipe
        )
        try:
            await self._read(output)
        finally:
            transport.close()

    async def _read(self, output: asyncio.StreamReader) -> None:
        rest = b""
        while chunk := await output.read(CHUNK):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._say(line)
        if rest:
            self._say(rest)

    def _say(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        self._last.append(text)
        self._console.line(self.name, text)
