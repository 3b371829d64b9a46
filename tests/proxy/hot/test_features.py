"""The one check of contexts: what passes is float32, and what does not is explained."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.proxy.hot.samples import entry

from proxysvc.features import policy_input
from qbrixcore.errors import InvalidContext

PLAIN = entry("BetaTSPolicy")
LINEAR = entry("LinUCBPolicy", {"dim": 3})
SCHEMA = entry(
    "LinUCBPolicy",
    {
        "context_schema": [
            {"type": "categorical", "name": "device", "values": ["phone", "desktop"]},
            {"type": "numeric", "name": "age", "min": 0, "max": 100},
            {"type": "boolean", "name": "member"},
        ]
    },
)

finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(finite, min_size=3, max_size=3))
def test_a_vector_becomes_little_endian_float32(vector: list[float]) -> None:
    packed = policy_input(LINEAR, vector, None)
    assert packed == np.array(vector, dtype="<f4").tobytes()


@given(
    st.lists(st.floats() | st.integers(), min_size=3, max_size=3),
)
def test_only_finite_features_pass(vector: list[float]) -> None:
    with np.errstate(over="ignore"):
        as_float32 = np.array([float(x) for x in vector], dtype=np.float32)
    if np.isfinite(as_float32).all():
        assert policy_input(LINEAR, vector, None) == as_float32.tobytes()
    else:
        with pytest.raises(InvalidContext, match="finite"):
            policy_input(LINEAR, vector, None)


@pytest.mark.parametrize(
    "feature", [math.nan, math.inf, -math.inf, 3.5e38, -1e39, 10**400]
)
def test_a_feature_beyond_float32_is_refused(feature: float) -> None:
    for vector in ([feature, 0.0, 0.0], [0.0, -1.0, feature]):
        with pytest.raises(InvalidContext, match="finite"):
            policy_input(LINEAR, vector, None)


def test_infinities_do_not_cancel() -> None:
    with pytest.raises(InvalidContext, match="finite"):
        policy_input(LINEAR, [math.inf, -math.inf, 0.0], None)


def test_the_largest_features_pass() -> None:
    largest = float(np.finfo(np.float32).max)
    assert policy_input(LINEAR, [largest, largest, largest], None) is not None


def test_a_wrong_width_is_told_with_both_widths() -> None:
    with pytest.raises(InvalidContext, match="has 2 features, the experiment wants 3"):
        policy_input(LINEAR, [1.0, 2.0], None)


@pytest.mark.parametrize("known", [PLAIN, LINEAR, SCHEMA])
def test_vector_and_properties_exclude_each_other(known: object) -> None:
    with pytest.raises(InvalidContext, match="not both"):
        policy_input(known, [], {})  # type: ignore[arg-type]


def test_a_policy_without_context_ignores_it() -> None:
    assert policy_input(PLAIN, [1.0, math.nan], None) is None
    assert policy_input(PLAIN, None, {"any": "thing"}) is None


def test_properties_are_encoded_by_the_schema() -> None:
    given_properties = {"device": "phone", "age": 25, "member": True, "other": 1}
    packed = policy_input(SCHEMA, None, given_properties)
    assert packed is not None
    assert np.frombuffer(packed, "<f4").tolist() == [1.0, 1.0, 0.0, 0.0, 0.25, 1.0]


def test_a_schema_takes_a_vector_of_its_width_too() -> None:
    assert policy_input(SCHEMA, [1.0] * 6, None) == np.ones(6, "<f4").tobytes()


def test_a_missing_numeric_property_is_told() -> None:
    with pytest.raises(InvalidContext, match="age"):
        policy_input(SCHEMA, None, {"member": True})


def test_what_is_needed_is_told() -> None:
    with pytest.raises(InvalidContext, match="wants a vector of 3 features"):
        policy_input(LINEAR, None, None)
    with pytest.raises(InvalidContext, match="no context_schema"):
        policy_input(LINEAR, None, {"age": 3})
