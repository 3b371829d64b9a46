"""Selections on their way to where their rewards are awaited, in the background."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Final

from proxysvc.delivering import Delivery
from proxysvc.token import Token
from proxysvc.token import opened
from qbrixcore.definition import Definition
from qbrixstore.redis.awaited import MARKED_MS
from qbrixstore.redis.awaited import SELECTIONS_A_BATCH
from qbrixstore.redis.awaited import AwaitedBatch
from qbrixstore.redis.awaited import AwaitedReward
from qbrixstore.redis.awaited import AwaitedRewards
from qbrixstore.redis.awaited import Encoded
from qbrixstore.redis.awaited import encode_batch

GATHER_SEC: Final = 0.02
RETRY_SEC: Final = 0.2
MOST_WAITING: Final = 50_000
SELECTIONS_A_CUT: Final = 256  # takes the loop less than a millisecond
# later the marks of what was put, of which the answer was lost, may be gone
PUT_WITHIN_MS: Final = MARKED_MS // 2

Kind = tuple[str, str, int, float]  # tenant, experiment, window, default reward


class Awaiting(Delivery):
    """Takes selections at once, and puts them in group commits about 20 ms later.

    While Redis is away or holds as many as it may, up to 50,000 of them wait; what
    would go beyond, or cannot be put until half an hour after its window, is dropped
    and logged: it gets no default. A killed worker loses what it had not put.
    """

    what = "selections that get a default reward"

    def __init__(self, awaited: AwaitedRewards, token_ttl_sec: int) -> None:
        super().__init__()
        self._awaited = awaited
        self._ttl_sec = token_ttl_sec
        self._noted: deque[tuple[str, float]] = deque()
        self._some = asyncio.Event()
        self._batches: list[Encoded] = []
        self._held = 0  # selections in batches

    @property
    def waiting(self) -> int:
        """Selections that are not put yet."""
        return len(self._noted) + self._held

    def note(self, token: str, definition: Definition) -> None:
        """A selection was made of an experiment that has a default reward."""
        if self.waiting >= MOST_WAITING or definition.default_reward is None:
            self.dropped += 1
            return
        self._noted.append((token, definition.default_reward))
        self._some.set()

    async def flush(self) -> None:
        """Put all there is. Raises Unavailable, Overloaded, and keeps it then."""
        while self._noted or self._batches:
            if not self._batches:
                self._cut()
            self._give_up()
            await self._awaited.put(self._batches)
            self._batches, self._held = [], 0

    async def have_lapsed(self, tokens: Sequence[Token]) -> list[bool]:
        """Of which tokens a default was learned and no feedback. Raises Unavailable."""
        return await self._awaited.have_lapsed(
            [(token.experiment, token.issuer, token.sequence) for token in tokens]
        )

    async def _due(self, away: bool) -> None:
        if not away:
            await self._some.wait()
        await asyncio.sleep(RETRY_SEC if away else GATHER_SEC)
        self._some.clear()

    def _skip(self) -> None:
        self.dropped += self._held
        self._batches, self._held = [], 0

    def _cut(self) -> None:
        kinds: dict[Kind, list[Token]] = {}
        for _ in range(min(len(self._noted), SELECTIONS_A_CUT)):
            text, default = self._noted.popleft()
            token = opened(text)
            window_sec = min(token.window_sec, self._ttl_sec)
            kind = (token.tenant, token.experiment, window_sec, default)
            kinds.setdefault(kind, []).append(token)
        for kind, tokens in kinds.items():
            for first in range(0, len(tokens), SELECTIONS_A_BATCH):
                part = tokens[first : first + SELECTIONS_A_BATCH]
                self._batches.append(encode_batch(self._batch(kind, part)))
                self._held += len(part)

    def _batch(self, kind: Kind, tokens: list[Token]) -> AwaitedBatch:
        tenant, experiment, window_sec, default = kind
        issued = [token.issued_ms for token in tokens]
        kept_ms = self._ttl_sec * 1_000 + MARKED_MS // 2
        return AwaitedBatch(
            tenant=tenant,
            experiment=experiment,
            reward=default,
            due_ms=max(issued) + window_sec * 1_000,
            known_until_ms=min(issued) + kept_ms,
            selections=tuple(
                AwaitedReward(
                    token.issuer,
                    token.sequence,
                    token.issued_ms,
                    token.generation,
                    token.arm,
                    token.propensity,
                    token.vector,
                )
                for token in tokens
            ),
        )

    def _give_up(self) -> None:
        """Drop what comes too late to be told from what was put before."""
        earliest = time.time_ns() // 1_000_000 - PUT_WITHIN_MS
        self._batches = [one for one in self._batches if one.due_ms >= earliest]
        held = sum(batch.selections for batch in self._batches)
        self.dropped += self._held - held
        self._held = held
