"""What one version writes, the one before and the one after can read."""

from __future__ import annotations

import struct
import zlib

import msgspec
import pytest
from tests.contract.encodings.forms import FORMS
from tests.contract.encodings.forms import same
from tests.contract.encodings.forms import without
from tests.contract.encodings.write import AGES
from tests.contract.encodings.write import FILES
from tests.contract.encodings.write import UNKNOWN
from tests.contract.encodings.write import UNKNOWN_FIELD
from tests.contract.encodings.write import encoded

from qbrixcore.errors import CorruptState
from qbrixcore.param import codec

CHANGED = "its form changed: see tests/contract/encodings/write.py"


def stored(name: str, age: str = "") -> bytes:
    return (FILES / f"{name}{age}.bin").read_bytes()


def test_there_are_files_of_each_encoding_and_no_others() -> None:
    wanted = {f"{name}{age}.bin" for name in FORMS for age in AGES}
    assert {file.name for file in FILES.iterdir()} == wanted


@pytest.mark.parametrize("name", FORMS)
def test_no_encoding_changes_without_a_file_that_keeps_the_older_one(name: str) -> None:
    form = FORMS[name]
    assert form.encode(form.value) == stored(name), CHANGED
    assert encoded(form, ".older") == stored(name, ".older"), CHANGED


@pytest.mark.parametrize("name", FORMS)
def test_today_reads_what_today_writes(name: str) -> None:
    form = FORMS[name]
    assert same(form.decode(stored(name)), form.value)


@pytest.mark.parametrize("name", FORMS)
def test_what_the_version_before_wrote_is_read(name: str) -> None:
    form = FORMS[name]
    assert same(form.decode(stored(name, ".older")), form.as_of_before())


@pytest.mark.parametrize("name", FORMS)
def test_what_the_version_after_writes_is_read_as_far_as_it_is_known(name: str) -> None:
    form = FORMS[name]
    newer = stored(name, ".newer")
    assert newer != stored(name)
    found = form.decode(newer)
    if name.startswith("state-"):
        assert (found.header.format, found.header.min_reader) == (2, 1)
        header = msgspec.structs.replace(found.header, format=1)
        found = msgspec.structs.replace(found, header=header)
    elif name.endswith("-frame"):
        assert UNKNOWN_FIELD in found.SerializeToString()
        found.DiscardUnknownFields()
    assert same(found, form.value)


def test_a_state_for_later_readers_only_is_refused() -> None:
    whole = stored("state-BetaTSPolicy", ".newer")
    length = struct.unpack_from("<I", whole, 4)[0]
    header = msgspec.msgpack.decode(whole[16 : 16 + length])
    header["min_reader"] = 2
    packed = msgspec.msgpack.encode(header)
    body = packed + bytes(-len(packed) % 8) + whole[16 + length + -length % 8 :]
    prelude = struct.pack("<4sIII", b"QBXS", len(packed), zlib.crc32(body), 0)
    with pytest.raises(CorruptState, match="reader of format 2"):
        codec.decode(prelude + body)


def test_fields_of_frames_are_really_left_out() -> None:
    form = FORMS["select-frame"]
    assert not without(form.value, form.older).groups[0].traceparents
    assert UNKNOWN.encode() in stored("definition", ".newer")
    assert b"builds" in stored("state-BetaTSPolicy")
    assert b"builds" not in stored("state-BetaTSPolicy", ".older")
