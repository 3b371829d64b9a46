"""The feedback event: what the log holds for every reward."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec

from qbrixcore.errors import InvalidFeedback

Natural = Annotated[int, msgspec.Meta(ge=0)]
Index = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class FeedbackEvent(
    msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False
):
    """One reward. The order of the fields is the wire form; it only grows at its end.

    ``issuer`` and ``sequence`` identify the token, ``vector`` is the policy input as
    little-endian float32, times are milliseconds since 1970.
    """

    format: Natural = 1
    issuer: Natural
    sequence: Natural
    tenant: str
    experiment: str
    generation: Natural
    arm: Index
    reward: float
    propensity: float | None = None
    vector: bytes | None = None
    issued_ms: Natural = 0
    received_ms: Natural = 0


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(FeedbackEvent)


def encode(event: FeedbackEvent) -> bytes:
    """Wire form of an event."""
    return _ENCODER.encode(event)


def decode_many(events: Sequence[bytes]) -> list[FeedbackEvent | InvalidFeedback]:
    """Each event decoded, or the error that ``decode`` raises for it."""
    try:
        return [_DECODER.decode(data) for data in events]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return [_attempt(data) for data in events]


def _attempt(data: bytes) -> FeedbackEvent | InvalidFeedback:
    try:
        return decode(data)
    except InvalidFeedback as error:
        return error


def decode(data: bytes) -> FeedbackEvent:
    """Event of a wire form; fields newer than ours are ignored.

    Raises InvalidFeedback when it is truncated or no event at all.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidFeedback(f"undecodable event: {error}") from error
