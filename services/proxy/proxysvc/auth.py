"""Who is calling: API keys turned into principals, from memory when they are warm."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Iterable
from typing import Final

from cachebox import LRUCache
from cachebox import TTLCache

from proxysvc.flight import SingleFlight
from qbrixcore.errors import InvalidApiKey
from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unauthenticated
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixstore.postgres.principal import Principal

logger = get_logger(__name__)

PREFIX: Final = b"optiq_"
LONGEST_KEY: Final = 256  # bytes; no longer one was ever issued

Seconds = float
FindPrincipal = Callable[[str], Awaitable[Principal | None]]


class _Known:
    """A principal and when the store last vouched for it."""

    __slots__ = ("principal", "checked_at")

    def __init__(self, principal: Principal, checked_at: float) -> None:
        self.principal = principal
        self.checked_at = checked_at


class Authenticator:
    """API keys to principals, with the store asked as seldom as is safe.

    A key is answered from memory for ``trust`` seconds, and asked about again in the
    background after half of them. A known key outlives an outage of the store; an
    unknown one is remembered as such, so that it cannot hammer the store.
    """

    def __init__(
        self,
        find: FindPrincipal,
        *,
        anonymous: Principal | None = None,
        maxsize: int = 10_000,
        trust: Seconds = 30.0,
        distrust: Seconds = 5.0,
        lookups: int = 4,
        waiting: int = 256,
    ) -> None:
        self._find = find
        self._anonymous = anonymous
        self._known: LRUCache[bytes, _Known] = LRUCache(maxsize)
        self._unknown: TTLCache[bytes, bool] = TTLCache(maxsize, distrust)
        self._trust = trust
        self._lookups = asyncio.Semaphore(lookups)
        self._waiting = waiting
        self._flight: SingleFlight[bytes, Principal] = SingleFlight()

    def cached(self, key: bytes | None) -> Principal | None:
        """The principal of a warm key, else None; never waits."""
        if key is None:
            return self._anonymous
        digest = hashlib.sha256(key).digest()
        known = self._known.get(digest)
        if known is None:
            return None
        age = time.monotonic() - known.checked_at
        if age > self._trust:
            return None
        if age > self._trust / 2:
            self._flight.spawn(digest, lambda: self._look_up(digest))
        return known.principal

    async def principal(self, key: bytes | None) -> Principal:
        """Who presents ``key``; None is no key at all.

        Raises Unauthenticated, InvalidApiKey, Overloaded, Unavailable.
        """
        warm = self.cached(key)
        if warm is not None:
            return warm
        if key is None:
            raise Unauthenticated("an API key is needed: send it as X-API-Key")
        if not key.startswith(PREFIX) or len(key) > LONGEST_KEY:
            raise InvalidApiKey()
        digest = hashlib.sha256(key).digest()
        if digest in self._unknown:
            raise InvalidApiKey()
        if len(self._flight) >= self._waiting:
            raise Overloaded("too many keys are being looked up")
        return await self._flight.run(digest, lambda: self._look_up(digest))

    def forget(self) -> None:
        """Ask the store again about every key, from the next call on."""
        self._known.clear()
        self._unknown.clear()

    async def close(self) -> None:
        """Stop the look-ups under way."""
        await self._flight.close()

    async def _look_up(self, digest: bytes) -> Principal:
        try:
            async with self._lookups:
                principal = await self._find(digest.hex())
        except Unavailable:
            known = self._known.get(digest)
            if known is None:
                raise
            logger.warning("keys cannot be checked, trusting a known one")
            return self._remember(digest, known.principal)
        if principal is None:
            self._known.pop(digest, None)
            self._unknown[digest] = True
            raise InvalidApiKey()
        return self._remember(digest, principal)

    def _remember(self, digest: bytes, principal: Principal) -> Principal:
        self._known[digest] = _Known(principal, time.monotonic())
        return principal


def presented_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The key in ASGI headers: ``X-API-Key``, else a bearer token; None if neither."""
    bearer = None
    for name, value in headers:
        if name == b"x-api-key":
            return value
        if name == b"authorization":
            bearer = value
    if bearer is None or bearer[:7].lower() != b"bearer ":
        return None
    return bearer[7:].strip()
