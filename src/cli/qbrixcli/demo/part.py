"""The two parts of the demo: the log replayed, and the audience."""

from __future__ import annotations

from abc import ABC
from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from qbrixcli.demo import calls
from qbrixcli.demo.audience import Visits
from qbrixcli.demo.log import FEATURES
from qbrixcli.demo.log import Log
from qbrixcli.demo.meter import Meter
from qbrixcli.demo.meter import Pace
from qbrixcli.demo.resources import Entrant
from qbrixcli.demo.wire import Connection


class Part(ABC):
    """Traffic that can be driven and watched: turns, each taken by every entrant."""

    title: ClassVar[str]

    def __init__(self, entrants: Sequence[Entrant], turns: int) -> None:
        self.turns = turns
        self.total = turns * len(entrants)
        self.meters = [Meter(entrant.label) for entrant in entrants]
        self.pace = Pace()
        self._entrants = entrants

    @abstractmethod
    async def take(self, connection: Connection, turn: int, entrant: int) -> None:
        """One decision of one experiment and what follows from it."""

    async def _select(
        self, connection: Connection, entrant: int, user: NDArray[np.str_], turn: int
    ) -> calls.Selected:
        features = dict(zip(FEATURES, user.tolist(), strict=True))
        choice = await calls.select(
            connection, self._entrants[entrant].experiment, str(turn), features
        )
        self.pace.add(choice.seconds)
        self.meters[entrant].selected(choice)
        return choice

    async def _reward(
        self, connection: Connection, entrant: int, choice: calls.Selected, reward: int
    ) -> None:
        await calls.feedback(connection, choice.request_id, reward)
        self.meters[entrant].learned(choice.item, reward)


class Replay(Part):
    """Every logged impression is a real select.

    Only where the choice is the item that was logged is the outcome known; then the
    logged click is the feedback (Li et al. 2011, Alg. 2).
    """

    title = "a: replay of the uniform log"

    def __init__(self, entrants: Sequence[Entrant], log: Log, turns: int) -> None:
        super().__init__(entrants, turns)
        self._log = log

    async def take(self, connection: Connection, turn: int, entrant: int) -> None:
        """Select for a logged user; feedback if the choice is what was shown."""
        choice = await self._select(connection, entrant, self._log.users[turn], turn)
        if choice.item == self._log.items[turn]:
            click = int(self._log.clicks[turn])
            await self._reward(connection, entrant, choice, click)


class Visiting(Part):
    """Every decision is met by a visitor of the audience and answered with feedback."""

    title = "b: the audience"

    def __init__(self, entrants: Sequence[Entrant], visits: Visits) -> None:
        super().__init__(entrants, len(visits.users))
        self._visits = visits
        self.expected = np.full((len(entrants), self.turns), np.nan)

    async def take(self, connection: Connection, turn: int, entrant: int) -> None:
        """Select for a visitor, who clicks or not."""
        choice = await self._select(connection, entrant, self._visits.users[turn], turn)
        self.expected[entrant, turn] = self._visits.rates[turn, choice.item]
        click = self._visits.click(turn, choice.item)
        await self._reward(connection, entrant, choice, click)
