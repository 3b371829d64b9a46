"""Finding the motors behind a name, and noticing when they come and go."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from collections.abc import Sequence
from typing import Final

from proxysvc.stream.places import Place
from qbrixlog import get_logger

logger = get_logger(__name__)

INTERVAL: Final = 2.0  # seconds between looks at the name service
FIRST: Final = 1.0  # seconds that a start waits for it


class Discovery:
    """The addresses of all motors, looked up again and again.

    What the name service does not know, or does not answer, stays as it was: an outage
    of it takes no motor away. A name that was never resolved is its own address.
    """

    def __init__(self, places: Sequence[Place], interval: float = INTERVAL) -> None:
        self._interval = interval
        self._found: dict[Place, tuple[str, ...]] = {
            place: (place.address,) for place in places
        }
        self._missing: set[Place] = set()

    @property
    def addresses(self) -> tuple[str, ...]:
        """Each once, in an order that says nothing."""
        return tuple(dict.fromkeys(a for found in self._found.values() for a in found))

    async def start(self) -> tuple[str, ...]:
        """The addresses to begin with."""
        try:
            async with asyncio.timeout(FIRST):
                await self.look()
        except TimeoutError:
            logger.warning("the names of the motors take long to resolve")
        return self.addresses

    async def run(self, follow: Callable[[Sequence[str]], None]) -> None:
        """Tell of every change, for as long as there is a name among the places."""
        while any(place.is_name for place in self._found):
            await asyncio.sleep(self._interval)
            before = self.addresses
            await self.look()
            if self.addresses != before:
                follow(self.addresses)

    async def look(self) -> None:
        """Ask for every name once."""
        await asyncio.gather(*(self._look_up(p) for p in self._found if p.is_name))

    async def _look_up(self, place: Place) -> None:
        try:
            found = await addresses_of(place)
        except (OSError, UnicodeError) as error:
            if place not in self._missing:
                logger.warning("%s does not resolve: %s", place.host, error)
            self._missing.add(place)
        else:
            self._missing.discard(place)
            self._found[place] = found


async def addresses_of(place: Place) -> tuple[str, ...]:
    """What a name stands for: its IPv4 addresses, or else those of IPv6, sorted.

    One family only, since a motor that has both is still one motor. Raises OSError, or
    UnicodeError for what cannot be a name.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    families = {family for family, *_ in found}
    chosen = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    hosts = {address[0] for family, *_, address in found if family == chosen}
    return tuple(Place(str(host), place.port).address for host in sorted(hosts))
