"""Passwords as argon2id hashes, computed off the event loop."""

from __future__ import annotations

import asyncio
from functools import partial

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError
from argon2.exceptions import VerificationError


class Passwords:
    """Hashes and checks passwords, at most ``at_once`` at a time: each takes 64 MiB."""

    def __init__(self, at_once: int = 2, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = asyncio.Semaphore(at_once)
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """An encoded hash with its own salt and cost."""
        async with self._turns:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def verify(self, hashed: str | None, password: str) -> bool:
        """Whether they belong together.

        Without a hash (no such user) it is False, after as long as a real check takes.
        """
        if hashed is None:
            self._decoy = self._decoy or await self.hash("")
        against = hashed or self._decoy or ""
        async with self._turns:
            matches = await asyncio.to_thread(partial(self._matches, against, password))
        return matches and hashed is not None

    def outdated(self, hashed: str) -> bool:
        """Whether a hash was made with another cost than new ones are."""
        return self._hasher.check_needs_rehash(hashed)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False
