"""What the log holds: rewards, and between them what is to be learned how."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated
from typing import Any
from typing import Literal
from typing import Self

import msgspec

from qbrixcore.definition import Definition
from qbrixcore.errors import InvalidFeedback

Natural = Annotated[int, msgspec.Meta(ge=0)]
Index = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]


class FeedbackEvent(
    msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False
):
    """One reward. The order of the fields is the wire form; it only grows at its end.

    ``issuer`` and ``sequence`` identify the token, ``vector`` is the policy input as
    little-endian float32, times are milliseconds since 1970, ``traceparent`` is that of
    the request that brought it, if that is traced.
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
    traceparent: str = ""


class ControlEvent(
    msgspec.Struct, array_like=True, frozen=True, kw_only=True, gc=False
):
    """From here on an experiment learns by this. Its ``kind`` tells it from a reward.

    Level-triggered: it says what holds, not what changed. A ``generation`` above that
    of the params starts them anew, from the params version ``restored`` or from the
    prior; ``num_arms`` above theirs makes them grow; ``version`` is the definition's.
    """

    format: Natural = 1
    kind: Literal["define"] = "define"
    tenant: str
    experiment: str
    version: Natural
    generation: Natural
    restored: Natural | None
    num_arms: Index
    hyper: dict[str, Any]

    @classmethod
    def of(cls, definition: Definition) -> Self:
        """What the log has to say of a definition."""
        return cls(
            tenant=definition.tenant,
            experiment=definition.experiment,
            version=definition.version,
            generation=definition.generation,
            restored=definition.restored,
            num_arms=len(definition.arms),
            hyper=definition.hyper,
        )


LogEvent = FeedbackEvent | ControlEvent

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(FeedbackEvent)
_CONTROLS = msgspec.msgpack.Decoder(ControlEvent)


def encode(event: LogEvent) -> bytes:
    """Wire form of an event."""
    return _ENCODER.encode(event)


def decode_many(events: Sequence[bytes]) -> list[LogEvent | InvalidFeedback]:
    """Each event decoded, or the error that ``decode`` raises for it."""
    try:
        return [_DECODER.decode(data) for data in events]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return [_attempt(data) for data in events]


def _attempt(data: bytes) -> LogEvent | InvalidFeedback:
    with suppress(InvalidFeedback):
        return decode_control(data)
    try:
        return decode(data)
    except InvalidFeedback as error:
        return error


def decode_control(data: bytes) -> ControlEvent:
    """Control event of a wire form, as ``decode`` does. Raises InvalidFeedback."""
    try:
        return _CONTROLS.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidFeedback(f"undecodable event: {error}") from error


def decode(data: bytes) -> FeedbackEvent:
    """Reward of a wire form; fields newer than ours are ignored.

    Raises InvalidFeedback when it is truncated or no reward at all.
    """
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise InvalidFeedback(f"undecodable event: {error}") from error
