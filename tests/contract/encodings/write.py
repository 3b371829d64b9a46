"""Writes missing files: ``python -m tests.contract.encodings.write``.

Of each encoding there are three files. ``NAME.bin`` is as written today; ``older`` as
the version before wrote it; ``newer`` as one to come may write it, with fields and
arrays that nobody knows yet. None of them is ever written again: when an encoding
changes, today's becomes the older one by its name, and ``Form.older`` says what it
lacks.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any
from typing import Final

import msgspec
from google.protobuf.message import Message
from tests.contract.encodings.forms import FORMS
from tests.contract.encodings.forms import KEYS
from tests.contract.encodings.forms import VECTOR
from tests.contract.encodings.forms import Form

from proxysvc.token import unseal
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored

FILES: Final = Path(__file__).parent / "files"
AGES: Final = ("", ".older", ".newer")
UNKNOWN: Final = "added later"
# an unknown field 1000 of a protobuf message, with one byte
UNKNOWN_FIELD: Final = b"\xc2\x3e\x01\x07"


def encoded(form: Form, age: str) -> bytes:
    """The bytes of one file."""
    if not age:
        return form.encode(form.value)
    if isinstance(form.value, Message):
        whole = form.encode(form.as_of_before() if age == ".older" else form.value)
        return whole + UNKNOWN_FIELD if age == ".newer" else whole
    if isinstance(form.value, Stored):
        return _state(form.value, set(form.older), age)
    plain = _plain(form)
    if isinstance(plain, dict):
        fields = {k: v for k, v in plain.items() if k not in form.older}
        body = {**plain, UNKNOWN: [1]} if age == ".newer" else fields
        return msgspec.msgpack.encode(body)
    kept = plain[: len(plain) - len(form.older)]
    body = msgspec.msgpack.encode([*plain, UNKNOWN] if age == ".newer" else kept)
    return _sealed(body) if _is_token(form) else body


def _plain(form: Form) -> Any:
    return msgspec.msgpack.decode(msgspec.msgpack.encode(form.value))


def _is_token(form: Form) -> bool:
    return form is FORMS["token"]


def _sealed(body: bytes) -> bytes:
    from base64 import urlsafe_b64encode

    mac = KEYS.signing_key.copy()
    mac.update(body)
    text = urlsafe_b64encode(body + mac.digest()).rstrip(b"=")
    assert unseal(text.decode(), KEYS).key_id == KEYS.signing_id
    return text


def _state(stored: Stored, older: set[str], age: str) -> bytes:
    """By hand, as the description of the form says it."""
    whole = codec.encode(stored)
    length = struct.unpack_from("<I", whole, 4)[0]
    header = msgspec.msgpack.decode(whole[16 : 16 + length])
    arrays = whole[16 + length + -length % 8 :]
    if age == ".older":
        header = {k: v for k, v in header.items() if k not in older}
    else:
        header |= {UNKNOWN: {"x": 1}, "format": 2, "min_reader": 1}
        header["arrays"].append([UNKNOWN, "<f4", [3]])
        arrays += VECTOR + bytes(-len(VECTOR) % 8)
    packed = msgspec.msgpack.encode(header)
    body = packed + bytes(-len(packed) % 8) + arrays
    return struct.pack("<4sIII", b"QBXS", len(packed), zlib.crc32(body), 0) + body


def main() -> None:
    FILES.mkdir(exist_ok=True)
    for name, form in FORMS.items():
        for age in AGES:
            file = FILES / f"{name}{age}.bin"
            if not file.exists():
                file.write_bytes(encoded(form, age))
                print(file.name)


if __name__ == "__main__":
    main()
