"""Passwords as argon2id hashes, computed off the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError
from argon2.exceptions import VerificationError

from qbrixcore.errors import Overloaded

T = TypeVar("T")


class Passwords:
    """Hashes and checks passwords, at most ``at_once`` at a time: each takes 64 MiB.

    Whoever comes when ``waiting`` others wait or are served is refused: both methods
    raise Overloaded.
    """

    def __init__(
        self,
        at_once: int = 2,
        hasher: PasswordHasher | None = None,
        waiting: int = 64,
    ) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(at_once)
        self._waiting = waiting
        self._present = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """An encoded hash with its own salt and cost."""
        return await self._in_turn(partial(self._hasher.hash, password))

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether they belong together.

        Without a hash (no such user) it is False, after as long as a real check takes.
        """
        if hashed is None:
            self._decoy = self._decoy or await self.hash("")
        against = hashed or self._decoy or ""
        matches = await self._in_turn(partial(self._matches, against, password))
        return matches and hashed is not None

    def outdated(self, hashed: str) -> bool:
        """Whether a hash was made with another cost than new ones are."""
        return self._hasher.check_needs_rehash(hashed)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._present >= self._waiting:
            raise Overloaded("too many passwords are being checked", retry_after=1)
        self._present += 1
        # a caller that gives up frees no turn: its thread goes on
        return await asyncio.shield(asyncio.create_task(self._work(work)))

    async def _work(self, work: Callable[[], T]) -> T:
        try:
            async with self._turns:
                return await asyncio.to_thread(work)
        finally:
            self._present -= 1

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
