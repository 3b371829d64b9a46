"""Lists and objects in rules and metadata, in a form that can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any
from typing import Final

# not bool, which is no number here
NUMBERS: Final = frozenset({int, float})
MOST_VALUES: Final = 1_000  # of a list or object in metadata, at all levels together
NESTED: Final = frozenset({list, dict})
DEEPEST: Final = 32  # levels, twice what a rule may have


class Nested:
    """A list or object in metadata, worked out once for all rules that look at it.

    One of more than ``MOST_VALUES`` values or ``DEEPEST`` levels is not
    ``comparable``: a gate may have hundreds of rules, and the loop waits for them all.
    """

    def __init__(self, value: list[Any] | Mapping[str, Any]) -> None:
        self.value = value
        self.is_list = isinstance(value, list)

    @cached_property
    def comparable(self) -> bool:
        """Whether it is small enough."""
        return _fits(self.value)

    @cached_property
    def frozen(self) -> Any:
        """Its stand-in."""
        return frozen(self.value)

    @cached_property
    def members(self) -> frozenset[Any]:
        """The stand-ins of the elements of a list, the keys of an object."""
        return frozenset(map(frozen, self.value))


def prepared(value: Any) -> Any:
    """A value in metadata as rules take it."""
    return Nested(value) if type(value) in NESTED else value


def frozen(value: Any) -> Any:
    """A hashable stand-in that equals another one just if type and value do."""
    if value is None or isinstance(value, str) or type(value) in NUMBERS:
        return value
    if isinstance(value, bool):
        return (bool, value)
    if isinstance(value, dict):
        return (dict, frozenset((key, frozen(one)) for key, one in value.items()))
    return (list, *map(frozen, value))


def _fits(value: Any) -> bool:
    """Whether a list or object is neither too large nor too deep; not recursive."""
    room, level = MOST_VALUES, [value]
    for _ in range(DEEPEST):
        room -= sum(map(len, level))
        if room < 0:
            return False
        level = [
            inner
            for one in level
            for inner in (one.values() if isinstance(one, dict) else one)
            if type(inner) in NESTED
        ]
        if not level:
            return True
    return False
