"""Definitions and their wire form."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qbrixcore import definition
from qbrixcore.errors import CorruptState
from qbrixcore.errors import InvalidParams
from qbrixcore.errors import UnknownPolicy
from qbrixcore.experiment import Experiment
from qbrixcore.pool import Arm
from qbrixcore.pool import Pool

SCHEMA: list[dict[str, object]] = [{"type": "boolean", "name": "member"}]
POOL = Pool("p", "p", (Arm("a", "first", 0), Arm("b", "second", 1, is_active=False)))


def made(policy: str = "LinUCBPolicy", **params: object) -> definition.Definition:
    experiment = Experiment("e1", "e", POOL, policy, params, reward_window_sec=60)
    return definition.make_definition("t1", experiment, version=3)


def test_definition_of_a_schema() -> None:
    one = made(context_schema=SCHEMA, alpha=2)
    assert one.dim == 2 and one.schema == SCHEMA and one.version == 3
    assert one.hyper == {"dim": 2, "alpha": 2.0, "ridge": 1.0}
    assert [(arm.id, arm.active) for arm in one.arms] == [("a", True), ("b", False)]


def test_definition_without_features() -> None:
    one = made("BetaTSPolicy")
    assert one.dim == 0 and one.schema is None
    assert one.hyper == {"alpha_prior": 1.0, "beta_prior": 1.0}


def test_round_trip() -> None:
    one = made(context_schema=SCHEMA)
    assert definition.decode(definition.encode(one)) == one


def test_a_newer_writer_may_add_fields() -> None:
    plain = msgspec.to_builtins(made(dim=4))
    data = msgspec.msgpack.encode({**plain, "colour": "blue", "format": 2})
    assert definition.decode(data).dim == 4


def test_unusable_experiments_have_no_definition() -> None:
    with pytest.raises(UnknownPolicy):
        made("NoSuchPolicy")
    with pytest.raises(InvalidParams):
        made("LinUCBPolicy")


@given(st.data())
def test_damaged_bytes_are_corrupt(data: st.DataObject) -> None:
    good = definition.encode(made(context_schema=SCHEMA))
    cut = data.draw(st.integers(0, len(good) - 1))
    with pytest.raises(CorruptState):
        definition.decode(good[:cut])
    with pytest.raises(CorruptState):
        definition.decode(data.draw(st.binary(max_size=200)))
