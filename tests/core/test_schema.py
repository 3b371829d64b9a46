"""The context schema encoder."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbrixcore.errors import InvalidContext
from qbrixcore.errors import InvalidParams
from qbrixcore.schema import ContextSchema

DEVICE = {"type": "categorical", "name": "device", "values": ["phone", "desktop"]}
AGE = {"type": "numeric", "name": "age", "min": 0, "max": 100}
MEMBER = {"type": "boolean", "name": "member"}
ALL = [DEVICE, AGE, MEMBER]


def test_width_and_round_trip() -> None:
    schema = ContextSchema.parse(ALL)
    assert schema.dim == 6
    assert ContextSchema.parse(schema.declared()) == schema


@pytest.mark.parametrize(
    ("properties", "vector"),
    [
        ({"device": "phone", "age": 25, "member": True}, [1, 1, 0, 0, 0.25, 1]),
        ({"device": "desktop", "age": 100.0, "member": False}, [1, 0, 1, 0, 1, 0]),
        ({"device": "watch", "age": -5, "member": False}, [1, 0, 0, 1, 0, 0]),
        ({"age": 500, "member": False}, [1, 0, 0, 1, 1, 0]),
        ({"device": None, "age": 0, "member": False}, [1, 0, 0, 1, 0, 0]),
        ({"device": ["phone"], "age": 0, "member": False}, [1, 0, 0, 1, 0, 0]),
        ({"age": 10**400, "member": False, "other": object()}, [1, 0, 0, 1, 1, 0]),
    ],
)
def test_encode(properties: dict[str, object], vector: list[float]) -> None:
    encoded = ContextSchema.parse(ALL).encode(properties)
    assert encoded.dtype == np.float32
    assert encoded.tolist() == [float(np.float32(value)) for value in vector]


def test_true_is_not_the_number_one() -> None:
    values = {"type": "categorical", "name": "x", "values": [1, True, "1", 2.5]}
    schema = ContextSchema.parse([values])
    slots = [int(schema.encode({"x": x})[1:].argmax()) for x in (1, True, "1", 2.5, 3)]
    assert slots == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("value", [[1], {"a": 1}, None, "b", 10**400])
def test_what_was_not_declared_takes_the_last_slot(value: object) -> None:
    letters = {"type": "categorical", "name": "x", "values": ["a", 1]}
    schema = ContextSchema.parse([letters, {"type": "boolean", "name": "y"}])
    assert schema.encode({"x": value, "y": True}).tolist() == [1, 0, 0, 1, 1]


@pytest.mark.parametrize(
    "change",
    [
        {"age": "25"},
        {"age": True},
        {"age": None},
        {"age": float("nan")},
        {"age": float("inf")},
        {"member": 1},
        {"member": "yes"},
        {"member": None},
    ],
)
def test_encode_refuses(change: dict[str, object]) -> None:
    schema = ContextSchema.parse(ALL)
    good: dict[str, object] = {"device": "phone", "age": 1, "member": True}
    with pytest.raises(InvalidContext, match=next(iter(change))):
        schema.encode({**good, **change})


@pytest.mark.parametrize("missing", ["age", "member"])
def test_encode_refuses_a_missing_property(missing: str) -> None:
    good = {"device": "phone", "age": 1, "member": True}
    del good[missing]
    with pytest.raises(InvalidContext, match=missing):
        ContextSchema.parse(ALL).encode(good)


@pytest.mark.parametrize(
    "declared",
    [
        [],
        {},
        None,
        "device",
        [{"type": "ordinal", "name": "x"}],
        [{"name": "x"}],
        [{"type": "boolean"}],
        [{"type": "boolean", "name": ""}],
        [MEMBER, MEMBER],
        [{**MEMBER, "default": 1}],
        [{**DEVICE, "values": []}],
        [{**DEVICE, "values": ["a", "a"]}],
        [{**DEVICE, "values": [None]}],
        [{**DEVICE, "values": list(range(2000))}],
        [{**AGE, "max": 0}],
        [{**AGE, "max": "1"}],
        [{**AGE, "max": float("inf")}],
        [{**AGE, "min": float("nan")}],
        [{**AGE, "min": -1.7e308, "max": 1.7e308}],
        [{**AGE, "max": 10**400}],
    ],
)
def test_parse_refuses(declared: Any) -> None:
    with pytest.raises(InvalidParams):
        ContextSchema.parse(declared)


ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text()


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(["device", "age"], ANYTHING)))
def test_encode_answers_or_refuses(properties: dict[str, object]) -> None:
    schema = ContextSchema.parse([DEVICE, AGE])
    try:
        vector = schema.encode(properties)
    except InvalidContext:
        return
    assert vector.shape == (5,) and (vector >= 0).all() and (vector <= 1).all()
    assert vector[1:4].sum() == 1
