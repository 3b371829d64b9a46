"""Counting of selections and feedback in this worker's memory; nothing here waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Sequence
from hashlib import blake2b
from time import perf_counter
from typing import Any
from typing import Final
from typing import Protocol

from qbrixcore.definition import Definition
from qbrixstore.cells import Cell

LONGEST_ID: Final = 64  # characters of a context id that are kept as they are

Place = tuple[str, str, int]  # tenant, experiment, arm
# of a policy: how many it decided, and how many a gate or a pause did
Noted = Callable[[str, int, int], None]
# when it began by perf_counter, how many events, and how many were new
Appended = Callable[[float, int, int], None]


def _nobody(*told: object) -> None:
    pass


class Rewarding(Protocol):
    """Feedback on an arm."""

    @property
    def tenant(self) -> str: ...

    @property
    def experiment(self) -> str: ...

    @property
    def arm(self) -> int: ...

    @property
    def reward(self) -> float: ...


class Publisher(Protocol):
    """What appends feedback to the log, and tells what was not there before."""

    async def append(self, events: Sequence[Any]) -> list[bool]: ...


class Tally:
    """Counts of one arm since the last take; times in seconds since 1970."""

    __slots__ = (
        "contexts",
        "defaults",
        "feedback",
        "first",
        "last",
        "policy",
        "reward_max",
        "reward_min",
        "reward_sum",
        "selections",
    )

    def __init__(self) -> None:
        self.policy = ""  # known once there is a selection
        self.selections = 0
        self.defaults = 0
        self.first = self.last = 0.0
        self.contexts: set[str] = set()
        self.feedback = 0
        self.reward_sum = 0.0
        self.reward_min = float("inf")
        self.reward_max = float("-inf")

    def cell(self) -> Cell:
        """As it is stored."""
        return Cell(
            selections=self.selections,
            defaults=self.defaults,
            feedback=self.feedback,
            reward_sum=self.reward_sum,
            reward_min=self.reward_min if self.feedback else 0.0,
            reward_max=self.reward_max if self.feedback else 0.0,
            first_ms=int(self.first * 1_000),
            last_ms=int(self.last * 1_000),
        )


class Counting:
    """Dictionary look-ups on the way of a select; taken away about once a second."""

    def __init__(self, noted: Noted = _nobody) -> None:
        """``noted`` is told of what is taken, by policy."""
        self._noted = noted
        self._tallies: dict[Place, Tally] = {}

    def selected(
        self, definition: Definition, arm: int, is_default: bool, context_id: str
    ) -> None:
        """An arm was selected for a context; an empty id is nobody in particular."""
        place = (definition.tenant, definition.experiment, arm)
        tally = self._tallies.get(place)
        if tally is None:
            tally = self._tallies[place] = Tally()
        tally.last = now = time.time()
        if not tally.selections:
            tally.first = now
            tally.policy = definition.policy
        tally.selections += 1
        if is_default:
            tally.defaults += 1
        if context_id:
            if len(context_id) > LONGEST_ID:
                context_id = shortened(context_id)
            tally.contexts.add(context_id)

    def decided(
        self, definition: Definition, arms: Sequence[int], context_ids: Sequence[str]
    ) -> None:
        """Arms that a policy selected, each for a context."""
        by_arm: dict[int, list[str]] = {}
        for arm, context_id in zip(arms, context_ids, strict=True):
            if arm in by_arm:
                by_arm[arm].append(context_id)
            else:
                by_arm[arm] = [context_id]
        for arm, ids in by_arm.items():
            # the first one lays out what the others are added to
            self.selected(definition, arm, False, ids[0])
            if len(ids) > 1:
                place = (definition.tenant, definition.experiment, arm)
                tally = self._tallies[place]
                tally.selections += len(ids) - 1
                if not all(ids) or len(max(ids, key=len)) > LONGEST_ID:
                    kept = [x if len(x) <= LONGEST_ID else shortened(x) for x in ids]
                    ids = [x for x in kept if x]
                tally.contexts.update(ids)

    def rewarded(self, event: Rewarding) -> None:
        """The log has feedback that it did not have before."""
        place = (event.tenant, event.experiment, event.arm)
        tally = self._tallies.get(place)
        if tally is None:
            tally = self._tallies[place] = Tally()
        reward = event.reward
        tally.feedback += 1
        tally.reward_sum += reward
        tally.reward_min = min(tally.reward_min, reward)
        tally.reward_max = max(tally.reward_max, reward)

    def take(self) -> dict[Place, Tally]:
        """What was counted since the last take."""
        taken, self._tallies = self._tallies, {}
        for tally in taken.values():
            if tally.selections:
                decided = tally.selections - tally.defaults
                self._noted(tally.policy, decided, tally.defaults)
        return taken


class CountedPublisher:
    """Counts what the log had not seen before; a repeat is not counted again."""

    def __init__(
        self, publisher: Publisher, counting: Counting, appended: Appended = _nobody
    ) -> None:
        self._publisher = publisher
        self._counting = counting
        self._appended = appended

    async def append(self, events: Sequence[Rewarding]) -> list[bool]:
        """As the publisher does. Raises what it raises, and counts nothing then."""
        began = perf_counter()
        fresh = await self._publisher.append(events)
        self._appended(began, len(events), sum(fresh))
        for event, new in zip(events, fresh, strict=True):
            if new:
                self._counting.rewarded(event)
        return fresh


def shortened(context_id: str) -> str:
    """Another name of the same context, the same in every worker."""
    return blake2b(
        context_id.encode("utf-8", "surrogatepass"), digest_size=16
    ).hexdigest()
