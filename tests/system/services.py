"""Services as processes of their own, each started and stopped by itself."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from qbrixcli.ready import Probe

READY_SEC = 90.0
STOP_SEC = 30.0


class Process:
    """One service; ``probe`` says when it is ready, ``log`` has what it said."""

    def __init__(
        self, name: str, environ: Mapping[str, str], probe: Probe, log: Path
    ) -> None:
        self.name = name
        self.log = log
        self._environ = {"PATH": os.environ["PATH"], **environ}
        self._probe = probe
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Start it, and return when it is ready."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"{self.name}svc",
                env=self._environ,
                stdout=log,
                stderr=log,
            )
        async with asyncio.timeout(READY_SEC):
            while not await self._probe():
                assert self._process.returncode is None, self.log.read_text()
                await asyncio.sleep(0.02)

    async def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; its exit code."""
        assert self._process is not None
        if self._process.returncode is None:
            self._process.send_signal(sign)
        async with asyncio.timeout(STOP_SEC):
            return await self._process.wait()

    async def replace(self) -> None:
        """Stop it in order, and start another in its place."""
        assert await self.stop() == 0, self.log.read_text()
        await self.start()

    async def put_away(self) -> None:
        """End it if it runs."""
        if self._process is not None:
            await self.stop(signal.SIGKILL)
