"""Whether everything works again, and since when."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Awaitable
from collections.abc import Callable
from typing import Final

import httpx
from chaos.experiments import API
from chaos.experiments import Subject
from chaos.lines import Line
from chaos.sending import FEEDBACK
from chaos.sending import SELECT
from chaos.store import Store
from chaos.store import until
from chaos.system import System

PATIENCE: Final = 90.0  # after which a system does not come back any more

Probe = Callable[[], Awaitable[bool]]


class Recovery:
    """Tries all of a system on an experiment that nobody else uses.

    A whole system is ready, changes an experiment, selects, takes a reward, and
    learns it.
    """

    def __init__(
        self,
        system: System,
        store: Store,
        client: httpx.AsyncClient,
        line: Line,
        subject: Subject,
    ) -> None:
        self._system = system
        self._store = store
        self._client = client
        self._line = line
        self._subject = subject
        self._numbers = itertools.count()

    async def whole(self) -> float:
        """Returns when everything works (``time.monotonic``). Raises TimeoutError."""
        probes: list[Probe] = [self._system.is_ready, self._changes, self._learns]
        await asyncio.gather(*(until(probe, PATIENCE) for probe in probes))
        return time.monotonic()

    async def learns(self) -> float:
        """Returns when it learns (``time.monotonic``). Raises TimeoutError."""
        await until(self._learns, PATIENCE)
        return time.monotonic()

    async def _changes(self) -> bool:
        path = f"{API}/experiments/{self._subject.id}"
        try:
            answer = await self._client.patch(path, json={"enabled": True})
        except httpx.TransportError:
            return False
        return answer.is_success

    async def _learns(self) -> bool:
        body = {
            "experiment_id": self._subject.id,
            "context": {"id": f"probe {next(self._numbers)}"},
        }
        selected = await self._line.post(SELECT, json.dumps(body).encode())
        if selected is None or selected.status != 200:
            return False
        before = await self._updates()
        told = {"request_id": json.loads(selected.body)["request_id"], "reward": 1}
        answer = await self._line.post(FEEDBACK, json.dumps(told).encode())
        if answer is None or answer.status != 201:
            return False

        async def later() -> bool:
            return await self._updates() > before

        await until(later, PATIENCE)
        return True

    async def _updates(self) -> int:
        return (await self._store.learned(self._subject.id)).header.updates
