"""How often somebody may try: a bounded number of attempts a minute."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable
from typing import Final

from cachebox import LRUCache

from proxysvc.accounts.checks import LONGEST_EMAIL
from qbrixcore.errors import Overloaded

REMEMBERED: Final = 20_000
_MINUTE: Final = 60.0

Seconds = float


class Throttle:
    """At most ``attempts`` at once, coming back evenly over a minute, for each name.

    The generic cell rate algorithm (ATM Forum, Traffic Management 4.0, section 4.4):
    one number a name, and the least recently seen names are forgotten.
    """

    def __init__(
        self,
        attempts: int,
        *,
        remembered: int = REMEMBERED,
        clock: Callable[[], Seconds] = time.monotonic,
    ) -> None:
        self._interval = _MINUTE / attempts
        self._burst = _MINUTE - self._interval
        self._due: LRUCache[str, Seconds] = LRUCache(remembered)
        self._clock = clock

    def admit(self, name: str) -> None:
        """Count an attempt. Raises Overloaded with the seconds to wait."""
        now = self._clock()
        due = max(self._due.get(name) or now, now)
        wait = due - self._burst - now
        if wait > 0:
            raise Overloaded("too many attempts", retry_after=math.ceil(wait))
        self._due[name] = due + self._interval


class Doorkeeper:
    """Bounds attempts to come in, by the address they come from and the e-mail.

    The figures are attempts a minute, of one worker.
    """

    def __init__(
        self, by_address: int = 60, by_email: int = 10, by_login: int = 20
    ) -> None:
        self._addresses = Throttle(by_address)
        self._emails = Throttle(by_email)
        self._logins = Throttle(by_login)

    def admit(self, address: str, email: str = "") -> None:
        """Raises Overloaded."""
        self._addresses.admit(network(address))
        if email:
            self._emails.admit(email.strip().lower()[:LONGEST_EMAIL])

    def admit_login(self, id_: str) -> None:
        """Bounds what can be done with one login or user. Raises Overloaded."""
        self._logins.admit(id_)


def network(address: str) -> str:
    """What one host has to itself: an IPv4 address, or 64 bits of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
