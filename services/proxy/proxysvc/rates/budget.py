"""The calls that one worker may take of somebody's minute, counted in memory."""

from __future__ import annotations

import asyncio
import math
import time
from typing import Final
from typing import Protocol

from qbrixcore.errors import Overloaded
from qbrixstore.redis.calls import ONLY_SETTLE
from qbrixstore.redis.calls import Allotment
from qbrixstore.redis.calls import Ask

MINUTE: Final = 60
PATIENCE: Final = 0.2  # seconds that a call waits instead of being refused
MOST_WAITING: Final = 256
ASK_AGAIN: Final = 1.0  # seconds until others may have given some back
SHARE_OF_LEAST: Final = 50
SHARE_ALONE: Final = 4

Seconds = float


class Bank(Protocol):
    """Where a budget gets its calls."""

    @property
    def away(self) -> bool: ...

    def ask(self, budget: Budget) -> asyncio.Event: ...


class Budget:
    """A bounded number of calls a minute, of which this worker holds a part.

    A new part is asked for in the background when half of the last one is gone. Only a
    call that would be refused otherwise waits, and not for long.
    """

    __slots__ = (
        "__weakref__",
        "_bank",
        "_closed_until",
        "_given",
        "_owed",
        "_seen",
        "_share",
        "ends",
        "id",
        "left",
        "limit",
        "low",
        "minute",
        "waiting",
    )

    def __init__(self, id_: str, limit: int, bank: Bank) -> None:
        self.id = id_
        self.limit = limit
        self.left = 0  # calls that may still be taken before ``ends``
        self.low = 0  # with so many left, more are asked for
        self.ends: Seconds = -math.inf  # monotonic
        self.minute = 0  # since the epoch
        self.waiting = 0
        self._bank = bank
        self._closed_until: Seconds = -math.inf
        self._given = 0  # in this minute
        self._share = 0  # given in the last minute, while there was a bank
        self._owed = 0  # taken in this minute, and not told yet
        self._seen = 0  # taken of it when the surplus was last looked at

    @property
    def least(self) -> int:
        """The fewest calls worth a round trip."""
        return self.limit // SHARE_OF_LEAST or 1

    def take(self, now: Seconds) -> bool:
        """Whether a call may be made; counts it. ``now`` is monotonic."""
        left = self.left
        if left <= 0 or now >= self.ends:
            return False
        self.left = left - 1
        if left == self.low:
            self._bank.ask(self)
        return True

    def put_back(self) -> None:
        """A call that was taken is not made."""
        self.left += 1

    async def admit(self) -> None:
        """Count a call, if need be after asking for more. Raises Overloaded."""
        deadline = time.monotonic() + PATIENCE
        while True:
            now = time.monotonic()
            if self.take(now) or self._begin_on_credit(now):
                return
            if now < self._closed_until:
                raise self._refusal(now)
            if self._bank.away:
                return self._take_alone(now)
            if now >= deadline or self.waiting >= MOST_WAITING:
                raise Overloaded("too many calls wait to be counted")
            await self._wait(deadline - now)

    def wants(self, now: Seconds) -> Ask:
        """What to ask the bank for; what is owed counts as told."""
        owed, self._owed = self._owed, 0
        content = self.left > self.low and now < self.ends and not self.waiting
        waiting = ONLY_SETTLE if content else self.waiting
        return Ask(self.id, self.limit, owed, self.minute, waiting, self.least)

    def untold(self, ask: Ask) -> None:
        """The bank did not hear of an ask."""
        if ask.minute == self.minute:
            self._owed += ask.owed

    def receive(self, ask: Ask, allotment: Allotment, asked: Seconds) -> None:
        """What the bank answered to an ask made at ``asked``, monotonic."""
        if asked + allotment.ends_in <= time.monotonic():
            # of a minute that is over by now
            return
        if allotment.minute != self.minute:
            self._turn(allotment.minute)
        self.ends = asked + allotment.ends_in
        if ask.waiting == ONLY_SETTLE:
            return
        self.left += allotment.given
        self._given += allotment.given
        self.low = self.left // 2 if allotment.rest else 0
        if not allotment.given:
            self._closed_until = min(asked + ASK_AGAIN, self.ends)

    def release(self, now: Seconds) -> bool:
        """Set aside what was not used lately, for others; whether there is any."""
        taken = self._given - self.left
        kept = max(self.least, 2 * (taken - self._seen))
        self._seen = taken
        return now < self.ends and self.give_up(kept)

    def give_up(self, kept: int = 0) -> bool:
        """Set aside all calls but ``kept``; whether there are any."""
        surplus = self.left - kept
        if surplus <= 0:
            return False
        self.left -= surplus
        self._given -= surplus
        self._owed -= surplus
        self.low = self.left // 2
        return True

    def _begin_on_credit(self, now: Seconds) -> bool:
        """Start a minute without waiting, with what is asked for at the same time."""
        credit = self.limit // SHARE_OF_LEAST
        if now < self.ends or not credit:
            return False
        self._turn_alone(now, credit)
        return self.take(now)

    def _take_alone(self, now: Seconds) -> None:
        """Count a call while the bank is away. Raises Overloaded."""
        share = max(self._share, self._given, math.ceil(self.limit / SHARE_ALONE))
        if now >= self.ends:
            self._turn_alone(now, share)
        elif self._given < share:
            more = share - self._given
            self._given, self.left, self._owed = share, more, self._owed + more
        if not self.take(now):
            raise self._refusal(now)

    def _turn_alone(self, now: Seconds, calls: int) -> None:
        clock = time.time()
        self._turn(int(clock // MINUTE))
        self.ends = now + MINUTE - clock % MINUTE
        self.left = self.low = self._given = self._owed = calls

    def _turn(self, minute: int) -> None:
        self._share = self._given
        self.minute = minute
        self.left = self.low = self._given = self._owed = self._seen = 0
        self._closed_until = -math.inf

    async def _wait(self, seconds: Seconds) -> None:
        self.waiting += 1
        try:
            async with asyncio.timeout(seconds):
                await self._bank.ask(self).wait()
        except TimeoutError:
            pass
        finally:
            self.waiting -= 1

    def _refusal(self, now: Seconds) -> Overloaded:
        wait = max(1, math.ceil(self.ends - now))
        text = f"more than {self.limit} calls a minute"
        return Overloaded(text, limit=self.limit, retry_after=wait)


class Pair:
    """A key with a limit of its own, and its user; a call is counted for both."""

    __slots__ = ("_key", "_user")

    def __init__(self, key: Budget, user: Budget) -> None:
        self._key = key
        self._user = user

    def take(self, now: Seconds) -> bool:
        """Whether a call may be made; counts it. ``now`` is monotonic."""
        if not self._key.take(now):
            return False
        if self._user.take(now):
            return True
        self._key.put_back()
        return False

    async def admit(self) -> None:
        """Count a call, if need be after asking for more. Raises Overloaded."""
        await self._key.admit()
        try:
            await self._user.admit()
        except BaseException:
            self._key.put_back()
            raise
