"""Every operator in every spelling, and the types it takes."""

from __future__ import annotations

from typing import Any
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxysvc.gates.nested import MOST_VALUES
from proxysvc.gates.nested import frozen
from proxysvc.gates.nested import prepared
from proxysvc.gates.operators import ALIASES
from proxysvc.gates.operators import LONGEST_SEARCHED
from proxysvc.gates.operators import Operator
from proxysvc.gates.operators import compile_test

SPELLINGS = {
    "eq": ("equals", "==", "eq"),
    "ne": ("not_equals", "!=", "ne", "neq"),
    "gt": ("greater_than", ">", "gt"),
    "lt": ("less_than", "<", "lt"),
    "ge": ("greater_or_equal", ">=", "gte"),
    "le": ("less_or_equal", "<=", "lte"),
    "contains": ("contains",),
    "not_contains": ("not_contains",),
    "in": ("in",),
    "not_in": ("not_in", "nin"),
}
# operator, value of the rule, value in the metadata, whether they match
CASES: list[tuple[str, Any, Any, bool]] = [
    ("eq", "pro", "pro", True),
    ("eq", "pro", "Pro", False),
    ("eq", 20, 20, True),
    ("eq", 20, 20.0, True),
    ("eq", 20, "20", False),
    ("eq", "20", 20, False),
    ("eq", 1, True, False),
    ("eq", True, 1, False),
    ("eq", True, True, True),
    ("eq", False, 0, False),
    ("eq", None, None, True),
    ("eq", None, 0, False),
    ("eq", [1, {"a": None}], [1.0, {"a": None}], True),
    ("eq", [1], [True], False),
    ("eq", [1, 2], [2, 1], False),
    ("eq", {"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
    ("eq", {"a": 1}, [["a", 1]], False),
    ("ne", "pro", "free", True),
    ("ne", "pro", "pro", False),
    ("ne", 20, "20", True),
    ("ne", 1, True, True),
    ("ne", None, None, False),
    ("gt", 18, 18.5, True),
    ("gt", 18, 18, False),
    ("gt", 18, "19", False),
    ("gt", 0, True, False),
    ("gt", "b", "c", True),
    ("gt", "b", 3, False),
    ("gt", None, 3, False),
    ("gt", [1], [2], False),
    ("lt", 18, 17, True),
    ("lt", 18, 18, False),
    ("lt", 18, None, False),
    ("lt", "b", "a", True),
    ("lt", True, False, False),
    ("ge", 18, 18, True),
    ("ge", 18, 17.9, False),
    ("ge", "2026-01-01", "2026-01-01", True),
    ("le", 18, 18, True),
    ("le", 18, 18.1, False),
    ("le", 2**60, 2**60 + 1, False),
    ("contains", "lin", "berlin", True),
    ("contains", "lin", "paris", False),
    ("contains", 1, "a1", False),
    ("contains", "a", ["a", "b"], True),
    ("contains", 1, [1.0], True),
    ("contains", 1, [True], False),
    ("contains", [1], [[1], 2], True),
    ("contains", "key", {"key": 0}, True),
    ("contains", 1, {"1": 0}, False),
    ("contains", "a", 5, False),
    ("contains", "a", None, False),
    ("not_contains", "lin", "paris", True),
    ("not_contains", "lin", "berlin", False),
    ("not_contains", "a", ["b"], True),
    ("not_contains", "a", ["a"], False),
    ("not_contains", "key", {"other": 0}, True),
    ("not_contains", "a", 5, False),
    ("not_contains", 1, "a", False),
    ("in", ["DE", "AT"], "AT", True),
    ("in", ["DE", "AT"], "FR", False),
    ("in", [1, 2], 1.0, True),
    ("in", [1, 2], "1", False),
    ("in", [1, 2], True, False),
    ("in", [None], None, True),
    ("in", [[1], [2]], [2], True),
    ("in", "berlin", "lin", True),
    ("in", "berlin", 1, False),
    ("in", {"DE": 1}, "DE", True),
    ("in", {"DE": 1}, 1, False),
    ("in", 5, 5, False),
    ("in", None, None, False),
    ("not_in", ["DE", "AT"], "FR", True),
    ("not_in", ["DE", "AT"], "AT", False),
    ("not_in", [1], "1", True),
    ("not_in", "berlin", "lin", False),
    ("not_in", "berlin", "x", True),
    ("not_in", "berlin", 1, False),
    ("not_in", 5, 5, False),
]
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


def meets(spelling: str, rule: Any, value: Any) -> bool:
    return compile_test(spelling, rule)(prepared(value))


@pytest.mark.parametrize(("name", "rule", "value", "matches"), CASES)
def test_what_an_operator_means(
    name: str, rule: object, value: object, matches: bool
) -> None:
    for spelling in SPELLINGS[name]:
        assert meets(spelling, rule, value) is matches, spelling


def test_every_spelling_of_the_contract_is_known() -> None:
    known = [spelling for group in SPELLINGS.values() for spelling in group]
    assert len(known) == 24
    assert sorted(known) == sorted(get_args(Operator))
    assert set(ALIASES) == {"neq", "nin"}
    assert set(ALIASES.values()) < set(known) - set(ALIASES)


@pytest.mark.parametrize("spelling", ["", "=", "EQ", "like", "is"])
def test_other_spellings_are_not(spelling: str) -> None:
    with pytest.raises(ValueError, match="unknown operator"):
        compile_test(spelling, 1)


@given(JSON, JSON)
def test_no_two_values_make_an_operator_fail(rule: Any, value: Any) -> None:
    answers = {s: meets(s, rule, value) for s in get_args(Operator)}
    assert set(map(type, answers.values())) == {bool}
    assert answers["=="] is not answers["!="]
    for one, other in (("contains", "not_contains"), ("in", "not_in")):
        assert not (answers[one] and answers[other])
    assert answers["<="] is (answers["<"] or (answers["=="] and answers[">="]))


@given(JSON)
def test_a_value_equals_itself_and_is_among_others(value: Any) -> None:
    assert hash(frozen(value)) == hash(frozen(value))
    assert meets("==", value, value)
    assert meets("in", [0, value], value)
    assert meets("contains", value, [value])


NEGATED = ("!=", "not_contains", "not_in")


@pytest.mark.parametrize("spelling", ["==", "contains", "in", *NEGATED])
@pytest.mark.parametrize(
    "large",
    [
        [1] * (MOST_VALUES + 1),
        [[1] * 500, {"a": [1] * 500}],
        dict.fromkeys(map(str, range(MOST_VALUES + 1)), [1]),
        msgspec.json.decode("[" * 900 + "]" * 900),
    ],
    ids=["flat", "nested", "object", "deep"],
)
def test_what_is_too_large_to_compare_matches_nothing(
    spelling: str, large: Any
) -> None:
    for rule in ([2], ["1"], {"a": 1}):
        assert not meets(spelling, rule, large)


def test_the_largest_values_are_compared() -> None:
    most = list(range(MOST_VALUES))
    assert meets("==", most, most)
    assert meets("contains", MOST_VALUES - 1, most)
    text = "x" * (LONGEST_SEARCHED - 1) + "y"
    assert meets("contains", "y", text)
    assert meets("not_contains", "z", text)
    for negated in ("", "not_"):
        assert not meets(f"{negated}contains", "y", f"{text}y")
