"""The motors of the moment: who is routed to, who takes over, and who is let go."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final
from typing import NamedTuple

from proxysvc.stream.bundle import Bundle
from proxysvc.stream.frames import Pick
from proxysvc.stream.link import Link
from proxysvc.stream.routing import Rendezvous
from proxysvc.stream.routing import bounded
from qbrixlog import get_logger
from qbrixserving.background import cancelled
from qbrixserving.background import watched

logger = get_logger(__name__)

CALM: Final = 32  # unanswered selects of a motor below which none goes to another
SILENCE: Final = 0.1  # seconds without a word about a frame until others take over
PART: Final = 0.25  # of the time that a select may take, if that is less
LINGER: Final = 0.02
HEALTH_SEC: Final = 1.0

Seconds = float


class Motors(NamedTuple):
    """How many motors there are, and how many of them take selects."""

    known: int
    well: int


class Fleet:
    """One stream to each motor. Create it in a running loop, and close it.

    What is unanswered on a stream that broke, or by a motor that does not even read,
    is sent to another: a select changes nothing, so repeating it is safe.
    """

    def __init__(self, addresses: Sequence[str], timeout: Seconds) -> None:
        self.links: list[Link] = []
        self._silence = min(SILENCE, PART * timeout)
        self._members: list[Link] = []
        self._leaving: dict[Link, asyncio.Task[None]] = {}
        self._open: list[Link] = []
        self._rendezvous = Rendezvous(())
        self.follow(addresses)

    @property
    def connected(self) -> Motors:
        """How many motors there are, and how many streams stand."""
        return Motors(len(self._members), sum(link.well for link in self._members))

    async def health(self) -> Motors:
        """The same, with every motor asked whether it takes selects."""
        asked = [link.answers(HEALTH_SEC) for link in self._members]
        answers = await asyncio.gather(*asked)
        return Motors(len(answers), sum(answers))

    async def tried(self) -> None:
        """Return when each motor has been reached, or was found to be away."""
        await asyncio.gather(*(link.tried.wait() for link in self._members))

    def route(self, experiment: str) -> Link:
        """The motor for an experiment; the same one unless that has too much to do."""
        links = self._open
        if len(links) == 1:
            return links[0]
        order = self._rendezvous.order(experiment)
        first = links[order[0]]
        if first.load < CALM:
            return first
        return links[bounded(order, [link.load for link in links])]

    def follow(self, addresses: Sequence[str]) -> None:
        """From now on these are the motors; others finish what they have in hand."""
        gone = [link for link in self._members if link.address not in addresses]
        kept = {link.address: link for link in self._members if link not in gone}
        self._members = [
            kept.get(address) or Link(address, self._survey)
            for address in dict.fromkeys(addresses)
        ]
        for link in gone:
            self._leaving[link] = watched(self._retire(link), "leaving a motor")
        self._survey()

    def listen(self, now: Seconds) -> None:
        """Let others take over from motors that do not read what they are sent."""
        if len(self.links) == 1:
            return
        silent = [x for x in self.links if x.falls_silent(now - self._silence)]
        for link in silent:
            logger.warning("the motor at %s does not read its stream", link.address)
        if silent:
            self._survey()

    async def close(self) -> None:
        """End all streams; what is unanswered becomes Unavailable."""
        await cancelled(*self._leaving.values())
        await asyncio.gather(*(link.close() for link in self.links))

    def _survey(self) -> None:
        """See who can be routed to, and send on what waits where nobody answers."""
        self.links = [*self._members, *self._leaving]
        best = max(self._members, key=_rank)
        # one that is to leave helps out until another can
        last = [link for link in self._leaving if _rank(link) > _rank(best)]
        open_links = last or [x for x in self._members if _rank(x) == _rank(best)]
        if open_links != self._open:
            self._open = open_links
            self._rendezvous = Rendezvous([link.address for link in open_links])
        for link in self.links:
            if _rank(link) < _rank(open_links[0]):
                self._pass_on(link.surrender())

    def _pass_on(self, picks: list[Pick | Bundle]) -> None:
        for pick in picks:
            if not pick.future.done():
                self.route(pick.definition.experiment).put(pick)

    async def _retire(self, link: Link) -> None:
        needed = True
        while needed:
            await asyncio.sleep(LINGER)
            needed = link.connected and (link.load > 0 or link in self._open)
        del self._leaving[link]
        self._survey()
        self._pass_on(link.surrender())
        logger.info("the motor at %s is no longer named", link.address)
        await link.close()


def _rank(link: Link) -> int:
    return link.connected + link.well
