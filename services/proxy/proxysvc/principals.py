"""Principals in memory, by the digest of the credential that they presented."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final
from typing import NamedTuple
from typing import Protocol
from weakref import WeakSet
from weakref import WeakValueDictionary

from cachebox import LRUCache

from qbrixcore.errors import Unauthenticated
from qbrixstore.postgres.principal import Principal

Seconds = float
NEVER: Final = math.inf


class Claim(NamedTuple):
    """A credential as the store knows it.

    ``reference`` is the digest of a key or the id of a login; ``ends_at`` is in epoch
    seconds.
    """

    reference: str
    ends_at: Seconds
    refusal: type[Unauthenticated]


class Budget(Protocol):
    """The calls that somebody may make."""

    def take(self, now: Seconds) -> bool: ...

    async def admit(self) -> None: ...


BudgetOf = Callable[[Principal], Budget | None]


def no_bounds(principal: Principal) -> None:
    """Nobody's calls are bounded."""


class _Circle:
    """What is known of one user's credentials."""

    __slots__ = ("__weakref__", "members")

    def __init__(self) -> None:
        self.members: WeakSet[Known] = WeakSet()


class Known:
    """A principal, and for how long it may be taken for granted (monotonic seconds).

    ``suspect`` is one of which news came since the store was asked; ``calls`` were made
    with it since they were last taken; ``budget`` bounds them, unless it is None.
    """

    ask_after: Seconds
    budget: Budget | None
    ends: Seconds
    principal: Principal
    suspect: bool
    trusted_until: Seconds

    __slots__ = (
        "__weakref__",
        "ask_after",
        "budget",
        "calls",
        "circle",
        "claim",
        "ends",
        "principal",
        "suspect",
        "trusted_until",
    )

    def __init__(self, claim: Claim, circle: _Circle) -> None:
        self.claim = claim
        self.circle = circle
        self.calls = 0

    def vouch(self, principal: Principal, trust: Seconds) -> None:
        """Take what the store just said."""
        now = time.monotonic()
        ends_at = self.claim.ends_at
        if principal.expires_at is not None:
            ends_at = min(ends_at, principal.expires_at.timestamp())
        self.principal = principal
        self.ends = now + (ends_at - time.time())
        self.trusted_until = min(now + trust, self.ends)
        # never later, since the one is looked at only after the other
        self.ask_after = min(now + trust / 2, self.trusted_until)
        self.suspect = False

    def distrust(self) -> None:
        """Use it no more before the store was asked."""
        self.suspect = True
        self.ask_after = self.trusted_until = -NEVER

    def outlives_an_outage(self) -> bool:
        """Whether it may still be used when the store cannot be asked."""
        return not self.suspect and time.monotonic() < self.ends


class PrincipalCache:
    """The most recently used ones, also found by their user."""

    def __init__(
        self, maxsize: int, trust: Seconds, budget_of: BudgetOf = no_bounds
    ) -> None:
        self._trust = trust
        self._budget_of = budget_of
        self._known: LRUCache[bytes, Known] = LRUCache(maxsize)
        self._circles: WeakValueDictionary[str, _Circle] = WeakValueDictionary()
        # for the hot path, without a method in between
        self.get = self._known.get
        self.called: list[Known] = []

    def keep(self, digest: bytes, principal: Principal, claim: Claim) -> Known:
        """Take a principal that the store just vouched for."""
        circle = self._circles.get(principal.user_id)
        if circle is None:
            circle = self._circles[principal.user_id] = _Circle()
        known = Known(claim, circle)
        self.renew(known, principal)
        circle.members.add(known)
        self._known[digest] = known
        return known

    def renew(self, known: Known, principal: Principal) -> None:
        """The store vouched for one again, without its being used."""
        known.vouch(principal, self._trust)
        known.budget = self._budget_of(principal)

    def drop(self, digest: bytes) -> None:
        """Forget one."""
        self._known.pop(digest, None)

    def distrust(self, user_id: str) -> None:
        """Use no credential of a user before the store was asked about it."""
        circle = self._circles.get(user_id)
        for known in () if circle is None else tuple(circle.members):
            known.distrust()

    def doubt(self, tenant_id: str) -> None:
        """Ask about every credential of a tenant when it is used, and use it."""
        for _, known in self.items():
            if known.principal.tenant_id == tenant_id:
                known.ask_after = -NEVER

    def items(self) -> list[tuple[bytes, Known]]:
        """All of them, as they are now."""
        return list(self._known.items())

    def count(self, known: Known) -> None:
        """A call is made with one."""
        known.calls += 1
        if known.calls == 1:
            self.called.append(known)

    def take_calls(self) -> list[tuple[Principal, int]]:
        """Who called how often since this was last asked."""
        taken = [(known.principal, known.calls) for known in self.called]
        for known in self.called:
            known.calls = 0
        self.called.clear()
        return taken
