"""The stored form of states: round trips, growth, and damage."""

from __future__ import annotations

import struct
import zlib
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbrixcore.errors import CorruptState
from qbrixcore.param import codec
from qbrixcore.param.codec import Header
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import SPECS

INTS = st.integers(0, 2**63 - 1)


def stored(name: str = "LinUCBPolicy", arms: int = 3) -> Stored:
    spec = SPECS[name]
    return codec.fresh(spec, spec.validate(spec.example), arms, generation=4)


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """The header as plain data, and the bytes of the arrays."""
    length = struct.unpack_from("<I", data, 4)[0]
    header = msgspec.msgpack.decode(data[16 : 16 + length])
    return header, data[16 + length + -length % 8 :]


def joined(header: object, arrays: bytes) -> bytes:
    """Bytes with a valid prelude around any header and arrays."""
    packed = msgspec.msgpack.encode(header)
    body = packed + bytes(-len(packed) % 8) + arrays
    return struct.pack("<4sIII", b"QBXS", len(packed), zlib.crc32(body), 0) + body


@given(st.sampled_from(sorted(SPECS)), st.integers(1, 9), INTS, INTS, st.text())
def test_round_trip(name: str, arms: int, version: int, ms: int, through: str) -> None:
    one = stored(name, arms)
    header = msgspec.structs.replace(
        one.header, version=version, learned_through=through, learned_through_ms=ms
    )
    data = codec.encode(Stored(header, one.state))
    back = codec.decode(data)
    assert len(data) % 8 == 0
    assert msgspec.structs.replace(back.header, arrays=[]) == header
    assert codec.decode_header(data) == back.header
    for field, array in one.state.arrays().items():
        got = back.state.arrays()[field]
        assert got.dtype == array.dtype and got.tobytes() == array.tobytes()
        assert got.flags.aligned and not got.flags.writeable


def test_arrays_are_views_of_the_bytes() -> None:
    data = codec.encode(stored())
    whole = np.frombuffer(data, dtype=np.uint8)
    for array in codec.decode(data).state.arrays().values():
        assert np.shares_memory(array, whole)


def test_arrays_of_misplaced_bytes_are_aligned_copies() -> None:
    data = codec.encode(stored())
    shifted = memoryview(b"x" + data)[1:]
    for array in codec.decode(shifted).state.arrays().values():  # type: ignore[arg-type]
        assert array.flags.aligned and not array.flags.writeable


def test_fresh_is_version_zero_of_its_generation() -> None:
    header = stored().header
    assert (header.generation, header.version, header.updates) == (4, 0, 0)
    assert (header.num_arms, header.dim) == (3, 3)


@pytest.mark.parametrize("name", SPECS)
def test_state_bytes_is_the_size_of_the_arrays(name: str) -> None:
    spec = SPECS[name]
    hyper = spec.validate(spec.example)
    assert codec.state_bytes(spec, 4, hyper) == len(
        parts(codec.encode(codec.fresh(spec, hyper, 4)))[1]
    )


def test_a_newer_writer_may_add_fields_and_arrays() -> None:
    one = stored("BetaTSPolicy")
    header, arrays = parts(codec.encode(one))
    header["colour"] = {"blue": [1, 2]}
    header["format"] = 2
    header["arrays"].insert(0, ["variance", "<f4", [3], "newer"])
    data = joined(header, struct.pack("<3f4x", 1.0, 2.0, 3.0) + arrays)
    back = codec.decode(data)
    assert back.state.arrays()["alpha"].tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "change",
    [
        {"min_reader": 2},
        {"policy": "NoSuchPolicy"},
        {"policy": "EXP3Policy"},
        {"num_arms": 4},
        {"num_arms": -3},
        {"num_arms": "3"},
        {"arrays": []},
        {"arrays": [["pulls", "<i8", [-3]]]},
        {"arrays": [["pulls", "|O8", [3]]]},
        {"arrays": [["pulls", "<f1", [3]]]},
        {"arrays": [["pulls", "<i8", [2**62, 2**62, 2**62]]]},
        {"arrays": [["pulls", "<i8", [0, 2**62, 2**62]]]},
        {"arrays": [["pulls", "<i8", [1] * 200]]},
        {"arrays": [["pulls", "<i8", [9]]]},
    ],
    ids=lambda change: str(change)[:50],
)
def test_a_header_that_lies_is_corrupt(change: dict[str, object]) -> None:
    header, arrays = parts(codec.encode(stored("BetaTSPolicy")))
    with pytest.raises(CorruptState):
        codec.decode(joined({**header, **change}, arrays))


@given(st.data())
def test_truncated_states_are_corrupt(data: st.DataObject) -> None:
    good = codec.encode(stored(data.draw(st.sampled_from(sorted(SPECS)))))
    cut = good[: data.draw(st.integers(0, len(good) - 1))]
    with pytest.raises(CorruptState):
        codec.decode(cut)


@given(st.data())
def test_altered_states_are_corrupt(data: st.DataObject) -> None:
    good = bytearray(codec.encode(stored(data.draw(st.sampled_from(sorted(SPECS))))))
    # the reserved word of the prelude is the only thing not verified
    at = data.draw(st.integers(0, len(good) - 1).filter(lambda i: not 12 <= i < 16))
    good[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CorruptState):
        codec.decode(bytes(good))


@given(st.binary(max_size=300), st.booleans())
def test_garbage_is_corrupt(garbage: bytes, dressed: bool) -> None:
    if dressed:
        checksum = zlib.crc32(garbage)
        prelude = struct.pack("<4sIII", b"QBXS", len(garbage) // 2, checksum, 0)
        garbage = prelude + garbage
    with pytest.raises(CorruptState):
        codec.decode(garbage)
    try:
        assert isinstance(codec.decode_header(garbage), Header)
    except CorruptState:
        return


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=12,
)


@given(st.data())
def test_any_header_around_real_arrays_is_read_or_corrupt(data: st.DataObject) -> None:
    header, arrays = parts(codec.encode(stored("BetaTSPolicy")))
    field = data.draw(st.sampled_from(sorted(header)))
    header[field] = data.draw(PLAIN)
    try:
        state = codec.decode(joined(header, arrays)).state
    except CorruptState:
        return
    assert state.num_arms == 3


def test_deep_garbage_is_corrupt() -> None:
    deep = b"\x81\xa1x" + b"\x91" * 100_000
    prelude = struct.pack("<4sIII", b"QBXS", len(deep), zlib.crc32(deep), 0)
    with pytest.raises(CorruptState):
        codec.decode(prelude + deep)
