"""Cost of storing and reading states and definitions."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from qbrixcore import definition
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import find_spec
from qbrixcore.pool import Pool
from qbrixcore.schema import ContextSchema

CASES = [
    pytest.param("BetaTSPolicy", {}, 10, id="BetaTS"),
    pytest.param("LinUCBPolicy", {"dim": 10}, 10, id="LinUCB-10"),
    pytest.param("LinUCBPolicy", {"dim": 64}, 100, id="LinUCB-64-6MiB"),
]
SCHEMA: list[dict[str, object]] = [
    {"type": "categorical", "name": "device", "values": ["phone", "desktop", "tv"]},
    {"type": "categorical", "name": "country", "values": [f"c{i}" for i in range(20)]},
    {"type": "numeric", "name": "age", "min": 0, "max": 100},
    {"type": "boolean", "name": "member"},
]


def stored(name: str, params: dict[str, Any], arms: int) -> Stored:
    spec = find_spec(name)
    return codec.fresh(spec, spec.validate(params), arms)


@pytest.mark.parametrize(("name", "params", "arms"), CASES)
def test_encode_state(
    benchmark: BenchmarkFixture, name: str, params: dict[str, Any], arms: int
) -> None:
    one = stored(name, params, arms)
    benchmark.extra_info["bytes"] = len(codec.encode(one))
    assert codec.decode(benchmark(codec.encode, one)).header.num_arms == arms


@pytest.mark.parametrize(("name", "params", "arms"), CASES)
def test_decode_state(
    benchmark: BenchmarkFixture, name: str, params: dict[str, Any], arms: int
) -> None:
    data = codec.encode(stored(name, params, arms))
    assert benchmark(codec.decode, data).header.num_arms == arms


def test_decode_definition(benchmark: BenchmarkFixture) -> None:
    pool = Pool.of(*(f"arm-{k}" for k in range(34)))
    experiment = Experiment("e", "e", pool, "LinUCBPolicy", {"context_schema": SCHEMA})
    data = definition.encode(make_definition("t", experiment, 1))
    assert benchmark(definition.decode, data).dim == 28


def test_encode_properties(benchmark: BenchmarkFixture) -> None:
    schema = ContextSchema.parse(SCHEMA)
    properties = {"device": "tv", "country": "c19", "age": 31, "member": True}
    assert benchmark(schema.encode, properties).sum() > 3
