"""Selections on their way to the decision log, in the background."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from typing import Final

import msgspec

from proxysvc.delivering import Delivery
from proxysvc.insight.counting import LONGEST_ID
from proxysvc.insight.counting import shortened
from proxysvc.token import Token
from proxysvc.token import opened
from qbrixstore.redis.choices import EVENTS_A_BATCH
from qbrixstore.redis.choices import ChoiceEvent
from qbrixstore.redis.choices import Choices

FLUSH_SEC: Final = 0.2
MOST_WAITING: Final = 50_000


class _Batch(msgspec.Struct, frozen=True):
    """Selections under the number by which they are appended once."""

    number: int
    events: list[ChoiceEvent]


class Journal(Delivery):
    """Takes selections at once, and delivers them about five times a second.

    While Redis is away or its stream is full up to 50,000 of them wait; what would go
    beyond is dropped and logged. A killed worker loses what it had not delivered.
    """

    what = "selections for the decision log"

    def __init__(self, choices: Choices) -> None:
        super().__init__()
        self._choices = choices
        self._waiting: deque[tuple[str, str]] = deque()
        self._batches: deque[_Batch] = deque()
        self._number = 0

    @property
    def waiting(self) -> int:
        """Selections that are not delivered yet."""
        return len(self._waiting) + sum(len(one.events) for one in self._batches)

    def note(self, token: str, context_id: str) -> None:
        """A selection was made, for whom."""
        if len(self._waiting) < MOST_WAITING:
            self._waiting.append((token, context_id))
        else:
            self.dropped += 1

    async def flush(self) -> None:
        """Deliver all there is. Raises Unavailable, Overloaded, and keeps it then."""
        while self._waiting or self._batches:
            if not self._batches:
                self._cut()
            batch = self._batches[0]
            await self._choices.append(batch.number, batch.events)
            self._batches.popleft()

    async def _due(self, away: bool) -> None:
        await asyncio.sleep(FLUSH_SEC)

    def _skip(self) -> None:
        self._batches.clear()

    def _cut(self) -> None:
        count = min(len(self._waiting), EVENTS_A_BATCH)
        events = [_event(*self._waiting.popleft()) for _ in range(count)]
        self._number += 1
        self._batches.append(_Batch(self._number, events))


def new_chooser() -> str:
    """A name for the batches of one worker."""
    return secrets.token_hex(8)


def _event(text: str, context_id: str) -> ChoiceEvent:
    token: Token = opened(text)
    return ChoiceEvent(
        issuer=token.issuer,
        sequence=token.sequence,
        tenant=token.tenant,
        experiment=token.experiment,
        generation=token.generation,
        arm=token.arm,
        version=token.version,
        propensity=token.propensity,
        vector=token.vector,
        issued_ms=token.issued_ms,
        context_id=_storable(context_id),
    )


def _storable(context_id: str) -> str:
    """A name of the context that postgres can hold."""
    if len(context_id) > LONGEST_ID:
        return shortened(context_id)
    return context_id.encode("utf-8", "replace").decode().replace("\0", "\ufffd")
