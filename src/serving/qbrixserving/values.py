"""One environment variable's text as a value of its field's type."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from msgspec import inspect

_BOOLS: Final = {
    **dict.fromkeys(("1", "true", "on", "yes"), True),
    **dict.fromkeys(("0", "false", "off", "no"), False),
}


class Secret(str):
    """Text that its repr does not show."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def parse(raw: str, kind: inspect.Type, secret: bool = False) -> object:
    """The value that ``raw`` writes. Raises ValueError: what it got, what it wants."""
    try:
        return _parse(raw, _plain(kind))
    except ValueError:
        got = "***" if secret else repr(raw)
        raise ValueError(f"got {got}, wants {wanted(kind)}") from None


def wanted(kind: inspect.Type) -> str:
    """A type in words: "an integer from 1 to 65535"."""
    match _plain(kind):
        case inspect.BoolType():
            return "true or false"
        case inspect.IntType(ge=low, le=high, gt=above, lt=below):
            return "an integer" + _bounds(low, high, above, below)
        case inspect.FloatType(ge=low, le=high, gt=above, lt=below):
            return "a number" + _bounds(low, high, above, below)
        case inspect.LiteralType(values=values):
            return " or ".join(map(str, values))
        case inspect.EnumType(cls=enum):
            return " or ".join(str(member.value) for member in enum)
        case inspect.VarTupleType(item_type=item):
            return f"comma-separated: {wanted(item)}"
        case inspect.CustomType(cls=cls) if cls is Path:
            return "a path"
        case inspect.StrType(min_length=least, max_length=most, pattern=regex):
            size = _bounds(least, most, None, None)
            text = f"text of length{size}" if size else "text"
            return f"{text} like {regex}" if regex else text
        case _:
            return "text"


def _plain(kind: inspect.Type) -> inspect.Type:
    while isinstance(kind, inspect.Metadata):
        kind = kind.type
    if isinstance(kind, inspect.UnionType):
        some = [t for t in kind.types if not isinstance(t, inspect.NoneType)]
        if len(some) == 1:
            return _plain(some[0])
    return kind


def _bounds(
    low: float | None, high: float | None, above: float | None, below: float | None
) -> str:
    texts = {"from": low, "above": above, "to": high, "below": below}
    return "".join(f" {word} {x}" for word, x in texts.items() if x is not None)


def _parse(raw: str, kind: inspect.Type) -> object:
    match kind:
        case inspect.BoolType():
            if raw.lower() not in _BOOLS:
                raise ValueError
            return _BOOLS[raw.lower()]
        case inspect.IntType():
            return _bounded(int(raw), kind)
        case inspect.FloatType():
            return _bounded(float(raw), kind)
        case inspect.LiteralType(values=values):
            return _chosen(raw, {str(value): value for value in values})
        case inspect.EnumType(cls=enum):
            return _chosen(raw, {str(member.value): member for member in enum})
        case inspect.StrType(min_length=least, max_length=most, pattern=regex):
            if not (least or 0) <= len(raw) <= (math.inf if most is None else most):
                raise ValueError
            if regex and not re.search(regex, raw):
                raise ValueError
            return raw
        case inspect.VarTupleType(item_type=item):
            parts = (part.strip() for part in raw.split(","))
            return tuple(_parse(part, _plain(item)) for part in parts if part)
        case inspect.CustomType(cls=cls) if cls is Path:
            return Path(raw)
        case _:
            raise TypeError(f"a setting cannot be of type {kind}")


def _chosen(raw: str, values: Mapping[str, object]) -> object:
    if raw not in values:
        raise ValueError
    return values[raw]


def _bounded(value: float, kind: inspect.IntType | inspect.FloatType) -> float:
    if (
        not math.isfinite(value)
        or (kind.ge is not None and value < kind.ge)
        or (kind.gt is not None and value <= kind.gt)
        or (kind.le is not None and value > kind.le)
        or (kind.lt is not None and value >= kind.lt)
    ):
        raise ValueError
    return value
