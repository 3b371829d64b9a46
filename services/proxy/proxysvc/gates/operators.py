"""Operators of gate rules: what each spelling means, compiled to a test of a value.

Values keep their types: ``1`` equals ``1.0`` but neither ``"1"`` nor ``true``. A value
of a type that an operator cannot compare does not match, not even a negated operator.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from types import MappingProxyType
from typing import Any
from typing import Final
from typing import Literal

from proxysvc.gates.nested import NUMBERS
from proxysvc.gates.nested import Nested
from proxysvc.gates.nested import frozen

Test = Callable[[Any], bool]

Operator = Literal[
    "equals",
    "==",
    "eq",
    "not_equals",
    "!=",
    "ne",
    "greater_than",
    ">",
    "gt",
    "less_than",
    "<",
    "lt",
    "greater_or_equal",
    ">=",
    "gte",
    "less_or_equal",
    "<=",
    "lte",
    "contains",
    "not_contains",
    "in",
    "not_in",
    "neq",
    "nin",
]

LONGEST_SEARCHED: Final = 4_096  # characters of a text in metadata
# spellings of other tools, which readers of a gate need not know
ALIASES: Final = MappingProxyType({"neq": "!=", "nin": "not_in"})


def _never(value: Any) -> bool:
    return False


def _equal(wanted: Any) -> Test:
    if isinstance(wanted, str):
        # nothing else that JSON holds equals a text
        return lambda value: bool(value == wanted)
    if wanted is None or isinstance(wanted, bool):
        return lambda value: value is wanted
    if isinstance(wanted, int | float):
        return lambda value: type(value) in NUMBERS and value == wanted
    pinned = frozen(wanted)
    return lambda value: (
        isinstance(value, Nested) and value.comparable and value.frozen == pinned
    )


def _unequal(wanted: Any) -> Test:
    if isinstance(wanted, str):
        return lambda value: bool(value != wanted)
    equal = _equal(wanted)
    if isinstance(wanted, list | dict | tuple):
        return lambda value: _is_comparable(value) and not equal(value)
    return lambda value: not equal(value)


def _is_comparable(value: Any) -> bool:
    return not isinstance(value, Nested) or value.comparable


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any], Test]:
    def make(bound: Any) -> Test:
        if type(bound) in NUMBERS:
            return lambda value: type(value) in NUMBERS and compare(value, bound)
        if isinstance(bound, str):
            return lambda value: isinstance(value, str) and compare(value, bound)
        return _never

    return make


def _contains(part: Any, wanted: bool) -> Test:
    pinned = frozen(part)

    def test(value: Any) -> bool:
        if isinstance(value, str):
            if not isinstance(part, str) or len(value) > LONGEST_SEARCHED:
                return False
            return (part in value) is wanted
        if not isinstance(value, Nested) or not value.comparable:
            return False
        if not value.is_list and not isinstance(part, str):
            return False
        return (pinned in value.members) is wanted

    return test


def _within(whole: Any, wanted: bool) -> Test:
    if isinstance(whole, str):
        return lambda value: isinstance(value, str) and (value in whole) is wanted
    if isinstance(whole, list | tuple):
        members = frozenset(map(frozen, whole))

        def test(value: Any) -> bool:
            if isinstance(value, Nested):
                return value.comparable and (value.frozen in members) is wanted
            return (frozen(value) in members) is wanted

        return test
    if isinstance(whole, dict):
        return lambda value: isinstance(value, str) and (value in whole) is wanted
    return _never


_MAKERS: Final[MappingProxyType[str, Callable[[Any], Test]]] = MappingProxyType(
    {
        **dict.fromkeys(("equals", "==", "eq"), _equal),
        **dict.fromkeys(("not_equals", "!=", "ne", "neq"), _unequal),
        **dict.fromkeys(("greater_than", ">", "gt"), _ordered(operator.gt)),
        **dict.fromkeys(("less_than", "<", "lt"), _ordered(operator.lt)),
        **dict.fromkeys(("greater_or_equal", ">=", "gte"), _ordered(operator.ge)),
        **dict.fromkeys(("less_or_equal", "<=", "lte"), _ordered(operator.le)),
        "contains": lambda part: _contains(part, True),
        "not_contains": lambda part: _contains(part, False),
        "in": lambda whole: _within(whole, True),
        **dict.fromkeys(("not_in", "nin"), lambda whole: _within(whole, False)),
    }
)


def compile_test(spelling: str, value: Any) -> Test:
    """A test of what a context's metadata hold; lists and objects come as Nested.

    Raises ValueError.
    """
    make = _MAKERS.get(spelling)
    if make is None:
        raise ValueError(f"unknown operator: {spelling}")
    return make(value)
