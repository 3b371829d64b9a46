"""Free-form values survive the way through protobuf."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from proxysvc.grpc.values import Properties
from proxysvc.grpc.values import from_struct
from proxysvc.grpc.values import from_texts
from proxysvc.grpc.values import to_struct
from proxysvc.grpc.values import to_texts

WHOLE = 2**53 - 1
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-WHOLE, WHOLE)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_a_struct_means_what_was_put_in(values: dict[str, Any]) -> None:
    assert from_struct(to_struct(values)) == values


@given(st.dictionaries(st.text(), VALUES, max_size=5))
def test_properties_are_brought_over_when_asked_for(values: dict[str, Any]) -> None:
    properties = Properties(to_struct(values))
    assert set(properties) == set(values)
    assert len(properties) == len(values)
    for name, value in values.items():
        shown = () if isinstance(value, list | dict) else value
        assert properties[name] == shown == properties.get(name)
    absent = "".join(values) + "x"
    assert properties.get(absent) is None
    assert absent not in properties
    assert set(properties) == set(values)


@given(st.integers(-WHOLE, WHOLE))
def test_whole_numbers_are_integers(number: int) -> None:
    back = from_struct(to_struct({"n": number, "list": [number]}))
    assert type(back["n"]) is type(back["list"][0]) is int


@given(st.dictionaries(st.text(), VALUES.filter(lambda v: not isinstance(v, str))))
def test_a_text_map_means_what_was_put_in(values: dict[str, Any]) -> None:
    assert from_texts(to_texts(values)) == values


def test_texts_that_are_not_json_are_themselves() -> None:
    assert from_texts({"a": "red", "b": "2", "c": "[1", "d": ""}) == {
        "a": "red",
        "b": 2,
        "c": "[1",
        "d": "",
    }
