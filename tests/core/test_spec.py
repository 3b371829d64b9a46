"""Specs: validation of parameters, reward ranges, and the public listing."""

from __future__ import annotations

import numpy as np
import pytest

from qbrixcore.errors import InvalidFeedback
from qbrixcore.errors import InvalidParams
from qbrixcore.errors import UnknownPolicy
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.registry import find_spec
from qbrixcore.policy.spec import ANY_NUMBER
from qbrixcore.policy.spec import BINARY
from qbrixcore.policy.spec import BOUNDED
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.policy.spec import RewardRange

SCHEMA = [{"type": "boolean", "name": "member"}]
LIN_UCB = find_spec("LinUCBPolicy")


def test_find_spec_names_the_known_ones() -> None:
    with pytest.raises(UnknownPolicy, match="beta_ts") as error:
        find_spec("beta_ts")
    assert error.value.detail == {"known": sorted(SPECS)}


def test_protobuf_numbers_become_integers() -> None:
    hyper = LIN_UCB.validate({"dim": 6.0})
    assert LIN_UCB.dim(hyper) == 6 and type(LIN_UCB.dim(hyper)) is int


def test_a_schema_gives_the_width() -> None:
    assert LIN_UCB.dim(LIN_UCB.validate({"context_schema": SCHEMA})) == 2


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "dim"),
        ({"dim": 2, "context_schema": SCHEMA}, "not both"),
        ({"context_schema": []}, "context_schema"),
        ({"dim": 0}, "dim"),
        ({"dim": 1025}, "dim"),
        ({"dim": 2.5}, "dim"),
        ({"dim": None}, "dim"),
        ({"dim": 2, "alpha": 0}, "alpha"),
        ({"dim": 2, "alpha": 10**400}, "alpha"),
        ({"dim": 2, "ridge": 0.0}, "ridge"),
        ({"dim": 2, "beta": 1}, "beta"),
        ({"dim": 2, 3: 4}, "LinUCB"),
    ],
)
def test_validate_refuses(params: dict[str, object], said: str) -> None:
    with pytest.raises(InvalidParams, match=said):
        LIN_UCB.validate(params)


def test_a_schema_is_an_unknown_parameter_where_no_context_is_read() -> None:
    with pytest.raises(InvalidParams, match="context_schema"):
        find_spec("BetaTSPolicy").validate({"context_schema": SCHEMA})


def test_aliases_stand_for_a_parameter_once() -> None:
    exp3 = find_spec("EXP3Policy")
    fields = {name: getattr(exp3, name) for name in exp3.__struct_fields__}
    aliased = PolicySpec(**{**fields, "aliases": {"exploration": "gamma"}})
    assert aliased.validate({"exploration": 0.3}) == exp3.validate({"gamma": 0.3})
    with pytest.raises(InvalidParams, match="twice"):
        aliased.validate({"exploration": 0.3, "gamma": 0.3})


def test_listing_of_parameters() -> None:
    dim, alpha, _ = LIN_UCB.params
    assert (dim.type, dim.required, dim.constraints) == (
        "integer",
        True,
        {"gte": 1, "lte": 1024},
    )
    assert (alpha.type, alpha.default, alpha.constraints) == ("number", 1.5, {"gt": 0})


@pytest.mark.parametrize(
    ("range_", "types"),
    [
        (BINARY, ("binary",)),
        (BOUNDED, ("binary", "bounded")),
        (ANY_NUMBER, ("binary", "bounded", "continuous")),
    ],
)
def test_reward_types_follow_from_the_range(
    range_: RewardRange, types: tuple[str, ...]
) -> None:
    assert range_.types == types


CASES = [-1e300, -0.1, 0.0, 0.5, 1.0, 1.1, float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize(
    ("range_", "accepted"),
    [
        (BINARY, [0.0, 1.0]),
        (BOUNDED, [0.0, 0.5, 1.0]),
        (ANY_NUMBER, [-1e300, -0.1, 0.0, 0.5, 1.0, 1.1]),
    ],
)
def test_one_reward_and_many_agree(range_: RewardRange, accepted: list[float]) -> None:
    assert [x for x in CASES if _accepts(range_, x)] == accepted
    fits = range_.fits(np.array(CASES))
    assert [x for x, fit in zip(CASES, fits, strict=True) if fit] == accepted


def _accepts(range_: RewardRange, reward: float) -> bool:
    try:
        range_.check(reward)
    except InvalidFeedback as error:
        assert range_.text in str(error)
        return False
    return True
