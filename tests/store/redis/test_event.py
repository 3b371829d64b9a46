"""The event's wire form: what goes in comes out, and garbage is a typed error."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.store.redis.samples import event

from qbrixcore.errors import InvalidFeedback
from qbrixstore.redis import FeedbackEvent
from qbrixstore.redis.event import decode
from qbrixstore.redis.event import decode_many
from qbrixstore.redis.event import encode

EVENTS = st.builds(
    FeedbackEvent,
    issuer=st.integers(0, 2**64 - 1),
    sequence=st.integers(0, 2**63),
    tenant=st.text(),
    experiment=st.text(),
    generation=st.integers(0, 2**31),
    arm=st.integers(0, 2**31 - 1),
    reward=st.floats(allow_nan=False),
    propensity=st.none() | st.floats(allow_nan=False),
    vector=st.none() | st.binary(),
    issued_ms=st.integers(0, 2**50),
    received_ms=st.integers(0, 2**50),
)


@given(EVENTS)
def test_what_goes_in_comes_out(original: FeedbackEvent) -> None:
    assert decode(encode(original)) == original


@given(EVENTS, st.data())
def test_a_truncated_event_is_refused(
    original: FeedbackEvent, data: st.DataObject
) -> None:
    whole = encode(original)
    with pytest.raises(InvalidFeedback):
        decode(whole[: data.draw(st.integers(0, len(whole) - 1))])


@given(st.binary())
def test_garbage_is_refused_or_an_event(data: bytes) -> None:
    try:
        found = decode(data)
    except InvalidFeedback:
        return
    assert isinstance(found, FeedbackEvent)


@given(EVENTS, st.data())
def test_one_wrong_byte_never_escapes_the_type(
    original: FeedbackEvent, data: st.DataObject
) -> None:
    whole = bytearray(encode(original))
    place = data.draw(st.integers(0, len(whole) - 1))
    whole[place] = data.draw(st.integers(0, 255))
    (found,) = decode_many([bytes(whole)])
    assert isinstance(found, FeedbackEvent | InvalidFeedback)


@given(st.lists(st.binary() | EVENTS.map(encode), max_size=8))
def test_many_are_decoded_as_each_alone(rows: list[bytes]) -> None:
    for data, found in zip(rows, decode_many(rows), strict=True):
        if isinstance(found, InvalidFeedback):
            with pytest.raises(InvalidFeedback):
                decode(data)
        else:
            assert encode(found) == encode(decode(data))


def test_fields_newer_than_ours_are_ignored() -> None:
    newer = [*msgspec.to_builtins(event()), "added later"]
    assert decode(msgspec.msgpack.encode(newer)) == event()


def test_the_format_comes_first_and_the_order_is_fixed() -> None:
    wire = msgspec.msgpack.decode(encode(event(5, vector=b"\x00\x00\x80?")))
    assert wire == [1, 7, 5, "t1", "e1", 0, 0, 1.0, None, b"\x00\x00\x80?", 0, 0, ""]


@pytest.mark.parametrize(
    "fields",
    [{"arm": -1}, {"arm": 2**31}, {"generation": -1}, {"sequence": -1}],
    ids=str,
)
def test_numbers_that_cannot_be_are_refused(fields: dict[str, int]) -> None:
    with pytest.raises(InvalidFeedback):
        decode(encode(event(**fields)))


def test_a_reward_that_is_no_number_survives_for_the_policy_to_judge() -> None:
    assert math.isnan(decode(encode(event(reward=math.nan))).reward)
