"""Keeps processes running, and stops them in order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from qbrixcli.backoff import Backoff
from qbrixcli.console import Console
from qbrixcli.embedded.errors import StartError


class Unit(Protocol):
    """Something that runs until it is stopped, or ends by itself."""

    @property
    def name(self) -> str:
        """Who it is."""
        ...

    async def start(self) -> None:
        """Start it. Raises StartError."""
        ...

    async def wait(self) -> int:
        """Exit code, once it has ended."""
        ...

    async def stop(self) -> None:
        """Stop it; nothing happens if it does not run."""
        ...


class Supervisor:
    """Restarts what ends, with growing delays, and stops everything when it is left.

    Args:
        console: where restarts are told.
        stages: the units in the order in which they are stopped, together in a stage.
    """

    def __init__(self, console: Console, stages: Sequence[Sequence[Unit]]) -> None:
        self._console = console
        self._stages = stages
        self._keepers: list[asyncio.Task[None]] = []

    def keep(self, unit: Unit, backoff: Backoff | None = None) -> None:
        """From now on, start a running unit again whenever it ends."""
        task = asyncio.create_task(self._keep(unit, backoff or Backoff()))
        self._keepers.append(task)

    async def _keep(self, unit: Unit, backoff: Backoff) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            started = clock()
            reason = f"ended with {await unit.wait()}"
            while reason:
                await self._pause(unit, backoff.failed(clock() - started), reason)
                if backoff.looping:
                    self._console.say(
                        f"{unit.name} keeps ending; its last lines above say why,"
                        " it is tried again every few seconds"
                    )
                started = clock()
                reason = await _restart(unit)

    async def _pause(self, unit: Unit, delay: float, reason: str) -> None:
        self._console.say(f"{unit.name} {reason}, starting it again in {delay:.1f} s")
        await asyncio.sleep(delay)

    async def stop(self) -> None:
        """Stop every unit, stage by stage."""
        for task in self._keepers:
            task.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._keepers.clear()
        for stage in self._stages:
            await asyncio.gather(*(unit.stop() for unit in stage))

    async def __aenter__(self) -> Supervisor:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()


async def _restart(unit: Unit) -> str:
    try:
        await unit.stop()
        await unit.start()
    except StartError as error:
        return f"did not start ({error})"
    return ""
