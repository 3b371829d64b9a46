"""What a replay comes to, for people and for programs."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest

from qbrixcli.verdict import Difference
from qbrixcli.verdict import Verdict
from qbrixcli.verdict import compared
from qbrixcli.verdict import difference
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import SPECS

BUILD = "0.1.0+aa"


def stored(rewards: int = 2, builds: tuple[str, ...] = (BUILD,)) -> Stored:
    spec = SPECS["BetaTSPolicy"]
    fresh = codec.fresh(spec, spec.validate({}), 3)
    changes = {"updates": rewards, "version": 5, "builds": builds}
    return Stored(msgspec.structs.replace(fresh.header, **changes), fresh.state)


def changed(one: Stored) -> Stored:
    alpha = one.state.arrays()["alpha"].copy()
    alpha[1] = np.nextafter(alpha[1], 2.0)
    return Stored(one.header, msgspec.structs.replace(one.state, alpha=alpha))


def verdict(live: Stored, again: Stored) -> Verdict:
    return compared("e1", live, again, build=BUILD)


@pytest.mark.parametrize(
    ("live", "again", "outcome", "code"),
    [
        (stored(), stored(), "equal", 0),
        (stored(builds=("other",)), stored(), "equal", 0),
        (stored(), changed(stored()), "different", 1),
        (stored(2), stored(3), "different", 1),
        (stored(3), stored(2), "incomplete", 3),
        (stored(builds=("other", BUILD)), changed(stored()), "other build", 3),
    ],
)
def test_the_outcome_and_its_exit_code(
    live: Stored, again: Stored, outcome: str, code: int
) -> None:
    found = verdict(live, again)
    assert (found.outcome, found.exit_code) == (outcome, code)
    assert json.loads(found.as_json())["outcome"] == outcome
    assert found.as_table().splitlines()[-1].startswith(f"{outcome}:")


def test_the_table_names_the_first_difference() -> None:
    lines = verdict(stored(), changed(stored())).as_table().splitlines()
    assert "generation 0, version 5" in lines[0]
    told = {line.split()[0]: line for line in lines[1:-1]}
    assert told["pulls"].endswith("bitwise equal")
    assert "at [1]: 1.0 live, 1.0000000000000002 replayed" in told["alpha"]


def test_bits_count_not_values() -> None:
    nan = np.array([[np.nan, 0.0]])
    assert difference(nan, nan.copy()) is None
    assert difference(nan, np.array([[np.nan, -0.0]])) == Difference(0.0, -0.0, [0, 1])
    wider = difference(np.zeros((2, 2)), np.zeros((3, 2)))
    assert str(wider) == "shape [2, 2] live, [3, 2] replayed"
