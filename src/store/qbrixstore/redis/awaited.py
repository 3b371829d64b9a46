"""Selections whose reward is awaited for a while, and what they come to without one."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from typing import Annotated
from typing import Final
from typing import NamedTuple

import msgspec

from qbrixstore.redis import event as codec
from qbrixstore.redis import keys
from qbrixstore.redis.client import Argument
from qbrixstore.redis.client import Command
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.event import FeedbackEvent
from qbrixstore.redis.layout import Layout
from qbrixstore.redis.publisher import EVENTS_AN_ENTRY
from qbrixstore.redis.publisher import SLACK_SEC

_AWAIT = Script("await")
_DUE = Script("due")
_LAPSE = Script("lapse")

SELECTIONS_A_BATCH: Final = 64
BATCHES_A_CALL: Final = 32
SELECTIONS_A_CALL: Final = 512
# clocks of proxies and of redis may differ by this before a default comes too early
GRACE_MS: Final = 1_000
# a mark that a default sets is there so long for whoever puts its batch again
MARKED_MS: Final = SLACK_SEC * 1_000

Natural = Annotated[int, msgspec.Meta(ge=0)]
Token = tuple[str, int, int]  # experiment, issuer, sequence


class AwaitedReward(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One selection; the fields are those of its feedback, should it come."""

    issuer: Natural
    sequence: Natural
    issued_ms: Natural
    generation: Natural
    arm: Natural
    propensity: float | None
    vector: bytes | None


class AwaitedBatch(msgspec.Struct, array_like=True, frozen=True, kw_only=True):
    """Selections of one experiment whose windows end about together.

    The order of the fields is the wire form; it grows at its end. Without feedback by
    ``due_ms`` each is learned with ``reward``. After ``known_until_ms`` the marks of
    their tokens may be gone, and nobody can tell any more whether there was feedback.
    Times are milliseconds since 1970.
    """

    format: Natural = 1
    tenant: str
    experiment: str
    reward: float
    due_ms: Natural
    known_until_ms: Natural
    selections: tuple[AwaitedReward, ...]


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(AwaitedBatch)


class Encoded(NamedTuple):
    """A batch as it is stored: the same bytes are put once."""

    experiment: str
    due_ms: int
    selections: int
    data: bytes


class Stored(NamedTuple):
    """The bytes of a batch and what they say, None if that is unreadable."""

    data: bytes
    batch: AwaitedBatch | None


class Lapsed(NamedTuple):
    """Batches whose time was up at ``now_ms``, by the clock of the server."""

    now_ms: int
    batches: list[Stored]


def encode_batch(batch: AwaitedBatch) -> Encoded:
    """As it is stored."""
    data = _ENCODER.encode(batch)
    return Encoded(batch.experiment, batch.due_ms, len(batch.selections), data)


def decode_batch(data: bytes) -> AwaitedBatch | None:
    """A stored batch, None for what is none."""
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        return _DECODER.decode(data)
    return None


class AwaitedRewards:
    """The selections of all shards that wait. Every method raises Unavailable.

    ``limit`` is how many may wait in a shard, 0 for any number.
    """

    def __init__(self, client: RedisClient, layout: Layout, limit: int = 0) -> None:
        self._client = client
        self._layout = layout
        self._limit = limit

    async def put(self, batches: Sequence[Encoded]) -> int:
        """Have these wait as well; how many selections were new.

        After an error some may be there: put the same again. Raises Overloaded.
        """
        # one layout for all of it, whatever becomes of the other meanwhile
        layout, fresh = copy(self._layout), 0
        args: dict[int, list[Argument]] = {}
        for batch in batches:
            shard = layout.shard_of(batch.experiment)
            args.setdefault(shard, [layout.mark, self._limit]).extend(batch[1:])
        for shard, given in args.items():
            names = [layout.awaited(shard), layout.meta(shard)]
            fresh += int(await self._client.call(_AWAIT, names, given))
        return fresh

    async def due(self, shard: int) -> Lapsed:
        """Some that waited long enough, the oldest first."""
        key = self._layout.awaited(shard)
        now_ms, found = await self._client.call(_DUE, [key], [GRACE_MS, BATCHES_A_CALL])
        lapsed, selections = Lapsed(int(now_ms), []), 0
        for data in found:
            batch = decode_batch(data)
            lapsed.batches.append(Stored(data, batch))
            selections += len(batch.selections) if batch else 0
            if selections >= SELECTIONS_A_CALL:
                break
        return lapsed

    async def lapse(
        self, shard: int, fence: int, lapsed: Lapsed, room: int
    ) -> int | None:
        """Append the default reward for each selection without feedback, and be done.

        How many those were; None while the log holds ``room`` events or more, which
        changes nothing. What comes too late to be told from rewarded selections, and
        what is unreadable, is taken out and counted. Raises Fenced, LayoutMismatch.
        """
        layout = self._layout
        heads: list[Argument] = []
        events: list[FeedbackEvent] = []
        for data, batch in lapsed.batches:
            known = batch is not None and lapsed.now_ms <= batch.known_until_ms
            heads += (data, len(batch.selections) if batch else 1, int(not known))
            if batch is not None and known:
                events += _defaults(batch, lapsed.now_ms)
        names = [layout.awaited(shard), layout.log(shard), layout.meta(shard)]
        args: list[Argument] = [layout.mark, fence, room, MARKED_MS, EVENTS_AN_ENTRY]
        args += (len(lapsed.batches), *heads)
        places: dict[tuple[int, int], int] = {}
        for event in events:
            chunk, bit = divmod(event.sequence, keys.MARKS_PER_CHUNK)
            place = places.get((event.issuer, chunk))
            if place is None:
                which = (layout.number, shard, event.issuer, chunk)
                place = places[event.issuer, chunk] = len(names) + 1
                names += (keys.marks(*which), keys.lapsed(*which))
            args += (place, bit, codec.encode(event))
        appended = int(await self._client.call(_LAPSE, names, args))
        return None if appended < 0 else appended

    async def have_lapsed(self, tokens: Iterable[Token]) -> list[bool]:
        """Of each token whether its default was learned instead of its feedback."""
        commands: list[Command] = []
        for experiment, issuer, sequence in tokens:
            chunk, bit = divmod(sequence, keys.MARKS_PER_CHUNK)
            shard = self._layout.shard_of(experiment)
            key = keys.lapsed(self._layout.number, shard, issuer, chunk)
            commands.append(("GETBIT", key, bit))
        return [bool(bit) for bit in await self._client.pipeline(commands)]


def _defaults(batch: AwaitedBatch, now_ms: int) -> Iterable[FeedbackEvent]:
    for one in batch.selections:
        yield FeedbackEvent(
            issuer=one.issuer,
            sequence=one.sequence,
            tenant=batch.tenant,
            experiment=batch.experiment,
            generation=one.generation,
            arm=one.arm,
            reward=batch.reward,
            propensity=one.propensity,
            vector=one.vector,
            issued_ms=one.issued_ms,
            received_ms=now_ms,
        )
