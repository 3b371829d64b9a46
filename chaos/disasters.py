"""What befalls a system: kills, a split brain, commits that are cut in two."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from contextlib import suppress
from typing import Final
from typing import NamedTuple

from chaos.recovering import PATIENCE
from chaos.recovering import Recovery
from chaos.severing import Cut
from chaos.store import Store
from chaos.store import until
from chaos.system import SHARDS
from chaos.system import System

from qbrixcli.embedded.server import Server
from qbrixcli.service import Service

MOTOR: Final = "a motor, kill -9"
REDIS: Final = "Redis, kill -9"
REPLACED: Final = "cortex paused, another takes its place"
RETURNED: Final = "the paused one awake, the other one gone"

# tells from when on the system may recover, if not from the start
Blow = Callable[[], Awaitable[float | None]]


class Disaster(NamedTuple):
    """What happened from when to when, until everything worked (``time.monotonic``)."""

    name: str
    start: float
    end: float

    @property
    def seconds(self) -> float:
        """How long it took to recover."""
        return self.end - self.start


class Disasters:
    """Strikes, and waits until the system has recovered."""

    def __init__(
        self, system: System, store: Store, recovery: Recovery, rng: random.Random
    ) -> None:
        self.happened: list[Disaster] = []
        self._system = system
        self._store = store
        self._recovery = recovery
        self._rng = rng
        self._blows: Mapping[str, Blow] = {
            "a worker of the proxy, kill -9": self._kill_worker,
            MOTOR: self._kill_motor,
            "cortex, kill -9": self._kill_cortex,
            REDIS: self._kill_redis,
            "Postgres, kill -9": self._kill_postgres,
            RETURNED: self._split_brain,
            **{f"a commit cut: {cut.value}": self._cutting(cut) for cut in Cut},
        }

    async def run(self, times: int, pause: float) -> None:
        """Each so many times in random order, at random moments."""
        names = [name for name in self._blows for _ in range(times)]
        self._rng.shuffle(names)
        for name in names:
            await asyncio.sleep(self._rng.uniform(0, 2 * pause))
            await self.strike(name)

    async def strike(self, name: str) -> None:
        """One disaster, and the recovery from it. Raises TimeoutError."""
        start = time.monotonic()
        async with asyncio.timeout(PATIENCE):
            start = await self._blows[name]() or start
        self._note(name, start, await self._recovery.whole())

    def _note(self, name: str, start: float, end: float) -> None:
        self.happened.append(Disaster(name, start, end))

    async def _kill_worker(self) -> None:
        victim = self._rng.choice(self._system.workers())
        victim.kill()

        async def gone() -> bool:
            return victim not in self._system.workers()

        await until(gone, PATIENCE)

    async def _kill_motor(self) -> None:
        await kill(self._rng.choice(self._system.motors))

    async def _kill_cortex(self) -> None:
        await kill(self._system.cortex)

    async def _kill_redis(self) -> None:
        await kill(self._system.redis)

    async def _kill_postgres(self) -> None:
        await kill(self._system.postgres)

    def _cutting(self, cut: Cut) -> Blow:
        async def blow() -> None:
            await self._system.severing.cut(cut)

        return blow

    async def _split_brain(self) -> float:
        """Two that think they own the log: the older one must not write a thing."""
        first, second = self._system.cortex, self._system.standby()
        start = time.monotonic()
        os.kill(first.pid, signal.SIGSTOP)
        try:
            await second.start()
            self._note(REPLACED, start, await self._recovery.learns())
            os.kill(first.pid, signal.SIGCONT)
            # it wakes up in the middle of something, and has to notice
            await until(self._has_stepped_down, PATIENCE)
        finally:
            os.kill(first.pid, signal.SIGCONT)
            start = time.monotonic()
            await second.stop()
        return start

    async def _has_stepped_down(self) -> bool:
        """Whether the younger cortex owns the log, and the older one knows."""
        system = self._system
        first, second = await system.owned(system.cortex), await system.owned(None)
        return second == SHARDS and not first


async def kill(one: Service | Server) -> None:
    """SIGKILL to this process alone; returns when there is another in its place."""
    victim = one.pid
    os.kill(victim, signal.SIGKILL)

    async def replaced() -> bool:
        with suppress(RuntimeError):  # between its end and its next start
            return one.pid != victim
        return False

    await until(replaced, PATIENCE)
