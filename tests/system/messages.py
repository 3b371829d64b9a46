"""Random protobuf messages of any type, for hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from google.protobuf import descriptor as d
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from hypothesis import strategies as st

DEEPEST = 4
FEW = 4

_KINDS = d.FieldDescriptor
_I32, _I64 = 2**31, 2**63
_SCALARS: Mapping[int, st.SearchStrategy[Any]] = {
    _KINDS.CPPTYPE_INT32: st.integers(-_I32, _I32 - 1) | st.integers(-2, 200),
    _KINDS.CPPTYPE_INT64: st.integers(-_I64, _I64 - 1) | st.integers(-2, 200),
    _KINDS.CPPTYPE_UINT32: st.integers(0, 2 * _I32 - 1),
    _KINDS.CPPTYPE_UINT64: st.integers(0, 2 * _I64 - 1),
    _KINDS.CPPTYPE_DOUBLE: st.floats() | st.sampled_from([0.0, 1.0]),
    _KINDS.CPPTYPE_FLOAT: st.floats(width=32),
    _KINDS.CPPTYPE_BOOL: st.booleans(),
    _KINDS.CPPTYPE_ENUM: st.integers(-1, 9),
}
_TEXTS = st.text(max_size=20) | st.sampled_from(
    ["{}", "[]", '{"dim": 3}', "null", "BetaTSPolicy", "LinUCBPolicy", "auto", "UTC"]
)


@cache
def messages(
    kind: d.Descriptor, known: frozenset[tuple[str, str]], depth: int = 0
) -> st.SearchStrategy[Message]:
    """Messages of a type; ``known`` are values worth having in fields of a name."""
    fields = {
        field.name: _values(field, known, depth)
        for field in kind.fields
        if field.message_type is None or depth < DEEPEST
    }
    made = GetMessageClass(kind)
    return st.fixed_dictionaries({}, optional=fields).map(
        lambda given: _filled(made, given)
    )


def _filled(made: type[Message], given: dict[str, Any]) -> Message:
    chosen: dict[str, Any] = {}
    for name, value in given.items():
        oneof = made.DESCRIPTOR.fields_by_name[name].containing_oneof
        # the last one of a group would win anyway
        if oneof is None or not any(
            one.name in chosen for one in oneof.fields if one.name != name
        ):
            chosen[name] = value
    return made(**chosen)


def _values(
    field: d.FieldDescriptor, known: frozenset[tuple[str, str]], depth: int
) -> st.SearchStrategy[Any]:
    entry = field.message_type
    if entry is not None and entry.GetOptions().map_entry:
        keys = _one(entry.fields_by_name["key"], known, depth)
        values = _one(entry.fields_by_name["value"], known, depth + 1)
        return st.dictionaries(keys, values, max_size=FEW)
    one = _one(field, known, depth)
    return st.lists(one, max_size=FEW) if field.is_repeated else one


def _one(
    field: d.FieldDescriptor, known: frozenset[tuple[str, str]], depth: int
) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(field.message_type, known, depth + 1)
    if field.cpp_type != field.CPPTYPE_STRING:
        return _SCALARS[field.cpp_type]
    if field.type == field.TYPE_BYTES:
        return st.binary(max_size=20)
    there = [value for name, value in sorted(known) if name == field.name]
    return st.sampled_from(there) | _TEXTS if there else _TEXTS
