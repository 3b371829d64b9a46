"""The stored form of a param state: a header, then its arrays.

    magic 4s | header length u32 | crc-32 u32 | zero u32 | header (msgpack map) | arrays

All integers are little-endian. The checksum covers everything behind the prelude. The
header and each array are padded to 8 bytes, so that arrays decode as aligned read-only
views of the bytes and are never copied.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from qbrixcore.definition import Definition
from qbrixcore.errors import CorruptState
from qbrixcore.errors import UnknownPolicy
from qbrixcore.param.hyper import Hyper
from qbrixcore.param.state import BaseParamState
from qbrixcore.param.state import array_bytes
from qbrixcore.param.state import layouts
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.spec import PolicySpec

FORMAT = 1

_MAGIC = b"QBXS"
_PRELUDE = struct.Struct("<4sIII")
_DTYPE = re.compile(r"[<|][fiub][1248]")


class ArrayInfo(msgspec.Struct, frozen=True, array_like=True):
    """One stored array: name, numpy dtype string, shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """What a generation started from: the prior, or the params version ``restored``.

    The hyperparameters and the definition they are of are those of the beginning.
    ``since`` names the store that it went on in, where an earlier one was lost.
    """

    definition: int
    num_arms: int
    hyper: dict[str, Any] | None
    restored: int | None = None
    since: str = ""


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """Whose state this is, and how far it has learned.

    ``learned_through`` is the id of the last stream entry learned and
    ``learned_through_ms`` its time; ``updates`` counts the rewards learned. ``hyper``
    are the hyperparameters it learns by and ``definition`` the version they are of;
    states without them learn by those of the newest definition. ``origin`` and the
    ``builds`` of the program that have learned since say how to come to the same state
    again.
    """

    policy: str
    num_arms: int
    dim: int = 0
    fence: int = 0
    generation: int = 0
    version: int = 0
    learned_through: str = "0-0"
    learned_through_ms: int = 0
    updates: int = 0
    definition: int = 0
    hyper: dict[str, Any] | None = None
    origin: Origin | None = None
    builds: tuple[str, ...] = ()
    arrays: list[ArrayInfo] = []
    format: int = FORMAT
    min_reader: int = FORMAT


class Stored(msgspec.Struct, frozen=True, eq=False):
    """A param state with its header."""

    header: Header
    state: BaseParamState


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Header)


def fresh(spec: PolicySpec, hyper: Hyper, num_arms: int, generation: int = 0) -> Stored:
    """The prior, as version 0."""
    state = spec.prior(num_arms, hyper)
    header = Header(
        policy=spec.name, num_arms=num_arms, dim=state.dim, generation=generation
    )
    return Stored(header, state)


def first(definition: Definition) -> Stored:
    """The prior of a definition, as version 0. Raises InvalidParams."""
    spec = find_spec(definition.policy)
    hyper = spec.validate(definition.hyper)
    stored = fresh(spec, hyper, len(definition.arms), definition.generation)
    header = msgspec.structs.replace(
        stored.header,
        definition=definition.version,
        hyper=definition.hyper,
        origin=Origin(
            definition=definition.version,
            num_arms=len(definition.arms),
            hyper=definition.hyper,
        ),
    )
    return Stored(header, stored.state)


def state_bytes(spec: PolicySpec, num_arms: int, hyper: Hyper) -> int:
    """Size of the stored arrays in bytes, known without building them."""
    return array_bytes(spec.state, num_arms, hyper)


def encode(stored: Stored) -> bytes:
    """The bytes of a state; ``header.arrays`` is made from it."""
    arrays = stored.state.arrays()
    described = [ArrayInfo(n, a.dtype.str, a.shape) for n, a in arrays.items()]
    header = _encoder.encode(msgspec.structs.replace(stored.header, arrays=described))
    parts: list[Any] = [b"", header, bytes(_padding(len(header)))]
    for array in arrays.values():
        parts += [array.data, bytes(_padding(array.nbytes))]
    checksum = 0
    for part in parts:
        checksum = zlib.crc32(part, checksum)
    parts[0] = _PRELUDE.pack(_MAGIC, len(header), checksum, 0)
    return b"".join(parts)


def decode_header(data: bytes) -> Header:
    """The header alone; the arrays are not verified. Raises CorruptState."""
    if len(data) < _PRELUDE.size:
        raise CorruptState("the state is truncated")
    magic, length, _, _ = _PRELUDE.unpack_from(data)
    if magic != _MAGIC:
        raise CorruptState("these bytes are not a param state")
    raw = memoryview(data)[_PRELUDE.size : _PRELUDE.size + length]
    try:
        header = _decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise CorruptState(f"unreadable state header: {error}") from error
    if header.min_reader > FORMAT:
        raise CorruptState(f"the state needs a reader of format {header.min_reader}")
    return header


def decode(data: bytes, spec: PolicySpec | None = None) -> Stored:
    """The state in these bytes, its arrays read-only views of them.

    ``spec`` is needed for policies outside the registry only. Arrays and header fields
    this reader does not know are ignored. Raises CorruptState.
    """
    header = decode_header(data)
    _, length, checksum, _ = _PRELUDE.unpack_from(data)
    if zlib.crc32(memoryview(data)[_PRELUDE.size :]) != checksum:
        raise CorruptState("the checksum of the state is wrong")
    start = _PRELUDE.size + length + _padding(length)
    try:
        arrays = _views(data, start, header.arrays)
        state = (spec or find_spec(header.policy)).state
        known = {name: arrays[name] for name in layouts(state)}
        return Stored(header, state(num_arms=header.num_arms, dim=header.dim, **known))
    except UnknownPolicy as error:
        raise CorruptState(f"a state of an {error}") from error
    except KeyError as error:
        raise CorruptState(f"the state lacks the array {error}") from error
    except ValueError as error:
        raise CorruptState(f"the state is inconsistent: {error}") from error


def _views(data: bytes, start: int, arrays: list[ArrayInfo]) -> dict[str, NDArray[Any]]:
    views: dict[str, NDArray[Any]] = {}
    for array in arrays:
        if not _DTYPE.fullmatch(array.dtype) or min(array.shape, default=0) < 0:
            raise CorruptState(f"the array {array.name!r} is of an unknown kind")
        dtype, count = _dtype(array.dtype), 1
        for length in array.shape:
            count *= length
        size = count * dtype.itemsize
        if start + size > len(data):
            raise CorruptState("the state is truncated")
        view = np.frombuffer(data, dtype, count, start).reshape(array.shape)
        views[array.name] = _sealed(view)
        start += size + _padding(size)
    if start != len(data):
        raise CorruptState("the state has bytes that nothing describes")
    return views


def _dtype(text: str) -> np.dtype[Any]:
    try:
        return np.dtype(text)
    except TypeError as error:
        raise CorruptState(f"no such type of number: {text}") from error


def _sealed(view: NDArray[Any]) -> NDArray[Any]:
    if not view.flags.aligned:
        view = view.copy()
    view.flags.writeable = False
    return view


def _padding(length: int) -> int:
    return -length % 8
