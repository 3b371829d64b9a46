"""Free-form values between protobuf and Python."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping
from typing import Any

import msgspec
from google.protobuf.struct_pb2 import Struct
from google.protobuf.struct_pb2 import Value

_WHOLE = 2.0**53  # from here on a double may stand for several integers


def from_struct(struct: Struct) -> dict[str, Any]:
    """A dictionary; protobuf has only doubles, so whole numbers become integers."""
    return {name: _plain(value) for name, value in struct.fields.items()}


class Properties(Mapping[str, object]):
    """Properties of a context, each brought over when it is asked for.

    A message may hold many that no experiment has declared, or large ones: a list or
    object is no value of any feature, and stays an empty one.
    """

    def __init__(self, struct: Struct) -> None:
        self._fields = struct.fields

    def __getitem__(self, name: str) -> object:
        if name not in self._fields:
            raise KeyError(name)
        value = self._fields[name]
        if value.WhichOneof("kind") in ("struct_value", "list_value"):
            return ()
        return _plain(value)

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)


def to_struct(values: Mapping[str, Any]) -> Struct:
    """The other way round; integers become doubles."""
    struct = Struct()
    struct.update(dict(values))
    return struct


def to_texts(values: Mapping[str, Any]) -> dict[str, str]:
    """A string map: strings as they are, anything else as JSON text."""
    return {
        name: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        for name, value in values.items()
    }


def from_texts(texts: Mapping[str, str]) -> dict[str, Any]:
    """What a string map of JSON texts and bare strings stands for."""
    return {name: from_text(text) for name, text in texts.items()}


def from_text(text: str) -> Any:
    """What a JSON text stands for; any other text stands for itself."""
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text


def _plain(value: Value) -> object:
    match value.WhichOneof("kind"):
        case "number_value":
            number = value.number_value
            return (
                int(number) if number.is_integer() and abs(number) < _WHOLE else number
            )
        case "string_value":
            return value.string_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return [_plain(one) for one in value.list_value.values]
        case _:
            return None
