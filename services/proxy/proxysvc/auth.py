"""Who is calling: keys and access tokens as principals, from memory when warm."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Final
from typing import Protocol

from cachebox import TTLCache

from proxysvc.flight import SingleFlight
from proxysvc.principals import NEVER
from proxysvc.principals import BudgetOf
from proxysvc.principals import Claim
from proxysvc.principals import Known
from proxysvc.principals import PrincipalCache
from proxysvc.principals import no_bounds
from qbrixcore.errors import InvalidApiKey
from qbrixcore.errors import InvalidBearer
from qbrixcore.errors import Overloaded
from qbrixcore.errors import Unauthenticated
from qbrixcore.errors import Unavailable
from qbrixlog import get_logger
from qbrixstore.postgres.principal import Principal

logger = get_logger(__name__)

PREFIX: Final = b"optiq_"
LONGEST_KEY: Final = 256  # bytes; no longer one was ever issued
TOGETHER: Final = 100  # credentials asked about at once after a gap in the news
NEWS_KEPT: Final = 60.0  # seconds, longer than any look-up takes
RETRY_SEC: Final = 1.0

Seconds = float
FindPrincipals = Callable[[Collection[str]], Awaitable[Mapping[str, Principal]]]


class AccessToken(Protocol):
    """What is taken from an access token."""

    @property
    def sid(self) -> str: ...

    @property
    def exp(self) -> Seconds: ...


ReadAccess = Callable[[bytes], AccessToken]


def no_access(token: bytes) -> AccessToken:
    """Refuses every access token. Raises InvalidBearer."""
    raise InvalidBearer()


class Authenticator:
    """Credentials to principals, with the store asked as seldom as is safe.

    One is answered from memory for ``trust`` seconds, and asked about again in the
    background after half of them, or before its next use when news of its user comes
    (``changed``). A known one outlives an outage of the store; an unknown one is
    remembered as such, so that it cannot hammer the store.
    """

    def __init__(
        self,
        find: FindPrincipals,
        read_access: ReadAccess = no_access,
        *,
        anonymous: Principal | None = None,
        budget_of: BudgetOf = no_bounds,
        maxsize: int = 10_000,
        trust: Seconds = 30.0,
        distrust: Seconds = 5.0,
        lookups: int = 4,
        waiting: int = 256,
    ) -> None:
        self._find = find
        self._read_access = read_access
        self._anonymous = anonymous
        self._known = PrincipalCache(maxsize, trust, budget_of)
        self._get = self._known.get
        self._called = self._known.called
        self._unknown: TTLCache[bytes, bool] = TTLCache(maxsize, distrust)
        self._lookups = asyncio.Semaphore(lookups)
        self._waiting = waiting
        self._flight: SingleFlight[bytes, Principal] = SingleFlight()
        self._changes = 0  # news so far; the number of the latest gap, and of each user
        self._gap = 0
        self._news: TTLCache[str, int] = TTLCache(maxsize, NEWS_KEPT)
        self._missed = asyncio.Event()
        self.misses = 0  # calls that could not be answered from memory

    def cached(self, key: bytes | None) -> Principal | None:
        """The principal of a warm credential, else None; never waits.

        None as well when the calls it may make have to be asked for.
        """
        if key is None:
            return self._anonymous
        digest = hashlib.blake2s(key).digest()
        known: Known | None = self._get(digest)
        if known is None:
            return None
        now = time.monotonic()
        if now > known.ask_after:
            if now > known.trusted_until:
                return None
            claim = known.claim
            self._flight.spawn(digest, lambda: self._look_up(digest, claim))
        budget = known.budget
        if budget is not None and not budget.take(now):
            return None
        # written out: a method in between would cost more than this does
        known.calls += 1
        if known.calls == 1:
            self._called.append(known)
        return known.principal

    async def principal(self, key: bytes | None) -> Principal:
        """Who presents ``key``, a key or an access token; None is neither.

        Raises Unauthenticated, InvalidApiKey, InvalidBearer, Overloaded, Unavailable.
        """
        warm = self.cached(key)
        if warm is not None:
            return warm
        if key is None:
            raise Unauthenticated("an API key is needed: send it as X-API-Key")
        digest = hashlib.blake2s(key).digest()
        known: Known | None = self._get(digest)
        if known is not None and time.monotonic() <= known.trusted_until:
            return await self._admitted(known, known.principal)
        principal = await self._found(key, digest)
        return await self._admitted(self._get(digest), principal)

    async def _admitted(self, known: Known | None, principal: Principal) -> Principal:
        """``principal``, its call counted. Raises Overloaded."""
        if known is not None:
            if known.budget is not None:
                await known.budget.admit()
            self._known.count(known)
        return principal

    async def _found(self, key: bytes, digest: bytes) -> Principal:
        claim = self._claim(key)
        self.misses += 1
        if digest in self._unknown:
            raise claim.refusal()
        if len(self._flight) >= self._waiting:
            raise Overloaded("too many keys are being looked up")
        return await self._flight.run(digest, lambda: self._look_up(digest, claim))

    def changed(self, tenant_id: str, user_id: str) -> None:
        """News came of a user, or without one of a whole tenant."""
        self._changes += 1
        self._unknown.clear()
        if user_id:
            self._news[user_id] = self._changes
            self._known.distrust(user_id)
        else:
            self._known.doubt(tenant_id)

    def missed(self) -> None:
        """News may have been lost: ask about everybody, in the background."""
        self._changes += 1
        self._gap = self._changes
        self._unknown.clear()
        self._missed.set()

    async def catch_up(self) -> None:
        """For ever: ask about everybody whenever news may have been lost."""
        while True:
            await self._missed.wait()
            self._missed.clear()
            try:
                await self._ask_about_all()
            except Exception as error:
                expected = isinstance(error, Unavailable)
                logger.warning(
                    "keys cannot be checked: %s",
                    error,
                    exc_info=None if expected else error,
                )
                self._missed.set()
                await asyncio.sleep(RETRY_SEC)

    def take_calls(self) -> list[tuple[Principal, int]]:
        """Who called how often since this was last asked."""
        return self._known.take_calls()

    async def close(self) -> None:
        """Stop the look-ups under way."""
        await self._flight.close()

    def _claim(self, key: bytes) -> Claim:
        """Raises InvalidApiKey, InvalidBearer for what was never issued."""
        if key.startswith(PREFIX) and len(key) <= LONGEST_KEY:
            return Claim(hashlib.sha256(key).hexdigest(), NEVER, InvalidApiKey)
        if key.count(b".") == 2:
            access = self._read_access(key)
            return Claim(access.sid, access.exp, InvalidBearer)
        raise InvalidApiKey()

    async def _look_up(self, digest: bytes, claim: Claim) -> Principal:
        while True:
            started = self._changes
            principal = await self._ask(digest, claim)
            if principal is None:
                self._known.drop(digest)
                if self._changes == started:
                    self._unknown[digest] = True
                raise claim.refusal()
            # what was read before the news came may be from before the change
            if started >= max(self._gap, self._news.get(principal.user_id) or 0):
                self._known.keep(digest, principal, claim)
                return principal

    async def _ask(self, digest: bytes, claim: Claim) -> Principal | None:
        try:
            async with self._lookups:
                found = await self._find([claim.reference])
        except Unavailable:
            known: Known | None = self._get(digest)
            if known is None or not known.outlives_an_outage():
                raise
            logger.warning("keys cannot be checked, trusting a known one")
            return known.principal
        return found.get(claim.reference)

    async def _ask_about_all(self) -> None:
        everybody = self._known.items()
        for start in range(0, len(everybody), TOGETHER):
            some = everybody[start : start + TOGETHER]
            found = await self._find({known.claim.reference for _, known in some})
            for digest, known in some:
                principal = found.get(known.claim.reference)
                if principal is None:
                    self._known.drop(digest)
                elif not known.suspect:
                    self._known.renew(known, principal)


def presented_key(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """The key in ASGI headers: ``X-API-Key``, else a bearer token; None if neither."""
    authorization = None
    for name, value in headers:
        if name == b"x-api-key":
            return value
        if name == b"authorization":
            authorization = value
    return bearer_of(authorization)


def bearer_of(authorization: bytes | None) -> bytes | None:
    """The token that the header field has, None if it has none."""
    if authorization is None or authorization[:7].lower() != b"bearer ":
        return None
    return authorization[7:].strip()
