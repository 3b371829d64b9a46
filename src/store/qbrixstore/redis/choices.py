"""Selections on their way to the decision log, in a stream of their own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from copy import copy
from typing import Annotated
from typing import Final

import msgspec

from qbrixstore.redis import keys
from qbrixstore.redis.client import RedisClient
from qbrixstore.redis.client import Script
from qbrixstore.redis.layout import Layout

_CHOOSE = Script("choose")
EVENTS_AN_ENTRY: Final = 64
EVENTS_A_BATCH: Final = 128  # takes the loop less than a millisecond
NUMBER_KEPT_MS: Final = 86_400_000

Natural = Annotated[int, msgspec.Meta(ge=0)]


class ChoiceEvent(msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False):
    """One selection. The order of the fields is the wire form; it grows at its end.

    ``issuer`` and ``sequence`` identify the token, ``vector`` is the policy input as
    little-endian float32, ``issued_ms`` milliseconds since 1970.
    """

    format: Natural = 1
    issuer: Natural
    sequence: Natural
    tenant: str
    experiment: str
    generation: Natural
    arm: Natural
    version: Natural | None
    propensity: float | None
    vector: bytes | None
    issued_ms: Natural
    context_id: str


_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(ChoiceEvent)


def encode_choice(event: ChoiceEvent) -> bytes:
    """Wire form of a selection."""
    return _ENCODER.encode(event)


def decode_choices(events: Sequence[bytes]) -> list[ChoiceEvent | None]:
    """Each selection, None for what is none."""
    return [_attempt(data) for data in events]


def _attempt(data: bytes) -> ChoiceEvent | None:
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        return _DECODER.decode(data)
    return None


class Choices:
    """The writing end: numbered batches of one worker, each appended once.

    ``limit`` is how many selections of a shard may wait to be recorded, 0 for any
    number.
    """

    def __init__(
        self, client: RedisClient, layout: Layout, issuer: str, limit: int = 0
    ) -> None:
        self._client = client
        self._layout = layout
        self._issuer = issuer
        self._limit = limit

    async def append(self, number: int, events: Sequence[ChoiceEvent]) -> bool:
        """Whether the batch was new; numbers of a worker grow.

        After Unavailable it may have been appended: repeat it, before any other one.
        Raises Overloaded.
        """
        layout = copy(self._layout)
        fresh = [
            await self._append(layout, shard, number, some)
            for shard, some in layout.by_shard(events).items()
        ]
        return any(fresh)

    async def _append(
        self, layout: Layout, shard: int, number: int, events: Sequence[ChoiceEvent]
    ) -> bool:
        names = [
            layout.choices(shard),
            layout.meta(shard),
            keys.chooser_of(layout.number, shard, self._issuer),
        ]
        encoded = [encode_choice(event) for event in events]
        bounds = (self._limit, number, NUMBER_KEPT_MS, EVENTS_AN_ENTRY)
        return bool(
            await self._client.call(_CHOOSE, names, [layout.mark, *bounds, *encoded])
        )
