"""Somebody who resets, rolls back, adds arms and tunes, whatever else goes on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any
from typing import Final

import httpx
from chaos.experiments import API
from chaos.experiments import KINDS
from chaos.experiments import MOST_ARMS
from chaos.experiments import Subject
from chaos.journal import ALLOWED
from chaos.journal import NO_ANSWER
from chaos.journal import Journal

AGAIN: Final = 0.1
PATIENCE: Final = 60.0  # seconds in which every change is made, however often refused
# a change whose answer was lost may have been made
MADE_ALREADY: Final = 409


class Changer:
    """Changes one experiment after the other; ``made`` counts what was done."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        subjects: Sequence[Subject],
        journal: Journal,
        rng: random.Random,
    ) -> None:
        self.made: Counter[str] = Counter()
        self._client = client
        self._subjects = subjects
        self._journal = journal
        self._rng = rng
        self._arms: Counter[str] = Counter()

    async def run(self, pause: float, stop: asyncio.Event) -> None:
        """One change after each pause, until told to stop. Raises TimeoutError."""
        changes = (self._reset, self._roll_back, self._add_arm, self._swap, self._tune)
        turn = 0
        while not stop.is_set():
            subject = self._rng.choice(self._subjects)
            await changes[turn % len(changes)](subject)
            turn += 1
            await asyncio.sleep(self._rng.uniform(0, 2 * pause))

    async def _reset(self, subject: Subject) -> None:
        path = f"experiments/{subject.id}"
        await self._done("PATCH", path, {"enabled": False})
        await self._done("POST", f"{path}/reset")
        await self._done("PATCH", path, {"enabled": True})
        self.made["resets"] += 1

    async def _roll_back(self, subject: Subject) -> None:
        path = f"experiments/{subject.id}"
        versions = (await self._done("GET", f"{path}/versions"))["versions"]
        if versions:
            version = self._rng.choice(versions)["version"]
            await self._done("POST", f"{path}/rollback", {"version": version})
            self.made["rollbacks"] += 1

    async def _add_arm(self, subject: Subject) -> None:
        pool = await self._done("GET", f"pools/{subject.pool}")
        if len(pool["arms"]) < MOST_ARMS:
            self._arms[subject.id] += 1
            name = f"{subject.prefix}new {self._arms[subject.id]}"
            await self._done(
                "POST", f"pools/{subject.pool}/arms", {"arms": [{"name": name}]}
            )
            self.made["arms added"] += 1

    async def _swap(self, subject: Subject) -> None:
        pool = await self._done("GET", f"pools/{subject.pool}")
        path = f"pools/{subject.pool}/arms/{pool['arms'][1]['id']}"
        for active in (False, True):
            await self._done("PATCH", path, {"is_active": active})
        self.made["arms out and in"] += 1

    async def _tune(self, subject: Subject) -> None:
        kind = KINDS[subject.kind]
        params = {**kind.params, kind.tuned: self._rng.choice(kind.values)}
        path = f"experiments/{subject.id}"
        await self._done("PATCH", path, {"policy_params": params})
        self.made["parameters"] += 1

    async def _done(self, method: str, path: str, body: Any = None) -> Any:
        """The answer to a call that is repeated until it is heard."""
        async with asyncio.timeout(PATIENCE):
            while True:
                answer = await self._asked(method, path, body)
                if answer is not None:
                    return answer
                await asyncio.sleep(AGAIN)

    async def _asked(self, method: str, path: str, body: Any) -> Any:
        try:
            answer = await self._client.request(method, f"{API}/{path}", json=body)
        except httpx.TransportError:
            self._journal.answers["change", NO_ANSWER] += 1
            return None
        self._journal.answers["change", answer.status_code] += 1
        if answer.is_success or answer.status_code == MADE_ALREADY:
            return answer.json()
        if answer.status_code not in ALLOWED:
            self._journal.complain(f"{method} {path}: {answer.text}")
            return {}
        return None
