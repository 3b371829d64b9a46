"""What this motor has chosen and the state it chooses from has not learned yet.

In flight is what was chosen after the time through which the state has learned, and not
longer ago than a set time. Shapes: D features, N choices.
"""

from __future__ import annotations

import time
from typing import Any
from typing import Final

import numpy as np
from numpy.typing import NDArray

from motorsvc.families import Policy
from motorsvc.memory import Memory
from qbrixcore.param.codec import Stored
from qbrixcore.policy.account import Account

# choices grow too old by parts of the time in flight: they stay up to a part longer
PARTS: Final = 16
# cells of an inverse that are changed without letting other threads in between
MOST_AT_ONCE: Final = 250_000

Seconds = float
Arms = NDArray[np.int64]
Contexts = NDArray[np.float32]


class Flight:
    """Choices in flight on top of one version of a state.

    The flight on top of the next version shares the ``memory``, so that nothing is
    missed, whichever of the two choices were made by. Who chooses in a thread may see
    an account in which a choice is half added; that only blurs its confidence.
    """

    __slots__ = (
        "_account",
        "_at_once",
        "_due",
        "_longest",
        "_policy",
        "_seen",
        "_stored",
        "memory",
    )

    def __init__(
        self,
        policy: Policy,
        stored: Stored,
        account: Account[Any],
        longest: Seconds,
        memory: Memory,
    ) -> None:
        """``account`` is an empty one of that state."""
        self.memory = memory
        self._policy = policy
        self._stored = stored
        self._longest = longest
        self._at_once = max(1, MOST_AT_ONCE // (1 + memory.width * memory.width))
        self._account = account
        self._due = 0.0
        with memory.lock:
            self._grow_old()
            self._seen = memory.total - len(memory)

    def level(self) -> Account[Any]:
        """The account of all that is in flight."""
        if time.monotonic() >= self._due:
            self._renew()
        if self._seen != self.memory.total:
            with self.memory.lock:
                (arms, contexts), self._seen = self.memory.behind(self._seen)
                account = self._account
            known = arms < self._stored.header.num_arms
            self._take(account, arms[known], contexts[known])
        return self._account

    def add(self, arms: Arms, contexts: Contexts) -> None:
        """Take in what was chosen from the account just now."""
        ms = time.time_ns() // 1_000_000
        with self.memory.lock:
            before = self.memory.add(ms, arms, contexts)
            account, is_next = self._account, self._seen == before
            if is_next:
                self._seen = self.memory.total
        if is_next:
            self._take(account, arms, contexts)

    def _take(self, account: Account[Any], arms: Arms, contexts: Contexts) -> None:
        step = self._at_once
        for start in range(0, len(arms), step):
            rows = slice(start, start + step)
            with self.memory.lock:
                account.add(arms[rows], contexts[rows])

    def _renew(self) -> None:
        """Begin another account if some of this one has grown too old."""
        with self.memory.lock:
            if not self._grow_old():
                return
            self._account = self._policy.account(self._stored.state) or self._account
            self._seen = self.memory.total - len(self.memory)

    def _grow_old(self) -> int:
        self._due = time.monotonic() + self._longest / PARTS
        oldest = int(1_000 * (time.time() - self._longest))
        return self.memory.forget(max(self._stored.header.learned_through_ms, oldest))


def in_flight(
    policy: Policy, stored: Stored, longest: Seconds, before: Flight | None
) -> Flight | None:
    """What is in flight on top of a state, None where its policy does not read that.

    ``before`` is the same on top of the version before.
    """
    account = policy.account(stored.state)
    if account is None:
        return None
    width = stored.header.dim
    if before is not None and before.memory.width == width:
        memory = before.memory
    else:
        memory = Memory(width)
    flight = Flight(policy, stored, account, longest, memory)
    flight.level()
    return flight
