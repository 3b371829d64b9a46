"""Hyperparameters: what a person sets, and how it is described to them."""

from __future__ import annotations

from typing import Annotated
from typing import TypeAlias

import msgspec
from msgspec import Meta

from qbrixcore.schema import MAX_DIM

Positive: TypeAlias = Annotated[float, Meta(gt=0)]
NonNegative: TypeAlias = Annotated[float, Meta(ge=0)]
Fraction: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Dim: TypeAlias = Annotated[int, Meta(ge=1, le=MAX_DIM)]


class Hyper(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person sets. Stored with the experiment, validated when it is created."""


class ParamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One hyperparameter as a caller sees it.

    ``type`` is "integer", "number", "boolean" or "string"; ``constraints`` has keys
    gt, gte, lt, lte.
    """

    name: str
    type: str
    description: str
    required: bool
    default: float | int | str | bool | None = None
    constraints: dict[str, float] = {}


_TYPES = {
    msgspec.inspect.IntType: "integer",
    msgspec.inspect.BoolType: "boolean",
    msgspec.inspect.LiteralType: "string",
}
_BOUNDS = (("gt", "gt"), ("ge", "gte"), ("lt", "lt"), ("le", "lte"))


def describe(hyper: type[Hyper]) -> tuple[ParamInfo, ...]:
    """The hyperparameters of a struct, read from its annotations."""
    info = msgspec.inspect.type_info(hyper)
    assert isinstance(info, msgspec.inspect.StructType)
    return tuple(map(_describe, info.fields))


def _describe(field: msgspec.inspect.Field) -> ParamInfo:
    kind, description = field.type, ""
    if isinstance(kind, msgspec.inspect.Metadata):
        description = str((kind.extra_json_schema or {}).get("description", ""))
        kind = kind.type
    if isinstance(kind, msgspec.inspect.UnionType):
        kind = next(
            part
            for part in kind.types
            if not isinstance(part, msgspec.inspect.NoneType)
        )
    return ParamInfo(
        name=field.encode_name,
        type=_TYPES.get(type(kind), "number"),
        description=description,
        required=field.required,
        default=None if field.required else field.default,
        constraints={
            shown: bound
            for attribute, shown in _BOUNDS
            if (bound := getattr(kind, attribute, None)) is not None
        },
    )
