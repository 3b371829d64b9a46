"""``qbrix experiment``, ``select`` and ``feedback`` on a running system."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.cli.resources.conftest import Shell
from tests.system.running import eventually

from qbrixcli.main import main


def lines(said: str) -> dict[str, str]:
    """A record, by its headings."""
    pairs = (line.split("  ", 1) for line in said.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, value in pairs}


def test_an_experiment_is_paused_changed_and_deleted(
    qbrix: Shell, pool: dict[str, Any], unique: Callable[[], str]
) -> None:
    name = unique()
    words = ("--policy", "LinUCBPolicy", "--params", '{"dim": 3}')
    said = qbrix("experiment", "create", name, "--pool", pool["id"], *words)
    shown = lines(said)
    assert shown["state"] == "running"
    assert shown["pool"] == pool["name"]
    assert json.loads(shown["params"]) == {"dim": 3}
    identity = shown["id"]
    assert lines(qbrix("experiment", "disable", identity))["state"] == "paused"
    params = ("--params", '{"dim": 3, "alpha": 2}')
    changed = lines(qbrix("experiment", "update", identity, *params, "--enabled"))
    assert changed["state"] == "running"
    assert json.loads(changed["params"]) == {"dim": 3, "alpha": 2}
    refused = qbrix.fails("experiment", "update", identity, "--params", '{"dim": 4}')
    assert refused.startswith("qbrix: ")
    assert "dim" in refused
    assert "nothing to change" in qbrix.fails("experiment", "update", identity, code=2)
    qbrix("experiment", "delete", identity, "--yes")
    assert "EXPERIMENT_NOT_FOUND" in qbrix.fails("experiment", "get", identity)


def test_a_window_is_set_changed_and_taken_away(
    qbrix: Shell, pool: dict[str, Any], unique: Callable[[], str]
) -> None:
    words = ("--policy", "BetaTSPolicy", "--window", "60", "--default-reward", "0")
    said = qbrix("experiment", "create", unique(), "--pool", pool["id"], *words)
    shown = lines(said)
    assert (shown["window"], shown["default reward"]) == ("60 s", "0")
    update = ("experiment", "update", shown["id"])
    changed = lines(qbrix(*update, "--window", "90"))
    assert (changed["window"], changed["default reward"]) == ("90 s", "0")
    without = qbrix.json(*update, "--default-reward", "none")
    assert (without["reward_window_sec"], without["default_reward"]) == (90, None)
    assert qbrix.json(*update, "--window", "none")["reward_window_sec"] is None
    assert "reward_window_sec" in qbrix.fails(*update, "--window", "0")
    assert "is no number" in qbrix.fails(*update, "--default-reward", "x", code=2)


def test_the_policy_is_auto_where_none_is_named(
    qbrix: Shell, pool: dict[str, Any], unique: Callable[[], str]
) -> None:
    made = qbrix.json("experiment", "create", unique(), "--pool", pool["id"])
    assert made["policy"] == "auto"


def test_lists_are_searched_and_filtered(
    qbrix: Shell, pool: dict[str, Any], unique: Callable[[], str]
) -> None:
    name = unique()
    made = []
    for end, more in (("a", []), ("b", ["--paused"])):
        words = ["--pool", pool["id"], "--policy", "BetaTSPolicy", *more]
        made.append(qbrix.json("experiment", "create", f"{name}-{end}", *words)["id"])

    def found(*words: str) -> list[str]:
        listed = qbrix.json("experiment", "list", "--search", name.upper(), *words)
        return [one["id"] for one in listed]

    assert found() == made[::-1]
    assert found("--enabled") == made[:1]
    assert found("--paused") == made[1:]


def test_select_and_feedback(qbrix: Shell, experiment: dict[str, Any]) -> None:
    shown = lines(qbrix("select", experiment["id"], "--context-id", "somebody"))
    assert shown["arm"] in ("green", "blue")
    assert shown["default"] == "no"
    assert qbrix("feedback", shown["request id"], "1") == "accepted\n"
    assert qbrix.json("feedback", shown["request id"], "1") == {"accepted": True}
    assert "FEEDBACK_FAILED: " in qbrix.fails("feedback", shown["request id"], "7")
    assert "FEEDBACK_FAILED: " in qbrix.fails("feedback", "nonsense", "1")
    assert "is no number" in qbrix.fails("feedback", "nonsense", "nan", code=2)
    qbrix("experiment", "disable", experiment["id"])
    paused = qbrix.json("select", experiment["id"])
    assert (paused["is_default"], paused["request_id"]) == (True, None)


@pytest.mark.parametrize(
    "features",
    [("--vector", "[1, 0.5]"), ("--properties", '{"age": 0.5}')],
    ids=["vector", "properties"],
)
def test_select_with_features(
    qbrix: Shell,
    pool: dict[str, Any],
    unique: Callable[[], str],
    features: tuple[str, str],
) -> None:
    schema = {
        "context_schema": [{"name": "age", "type": "numeric", "min": 0, "max": 1}]
    }
    params = schema if features[0] == "--properties" else {"dim": 2}
    words = ("--policy", "LinUCBPolicy", "--params", json.dumps(params))
    made = qbrix.json("experiment", "create", unique(), "--pool", pool["id"], *words)
    metadata = ("--metadata", '{"country": "TR"}')
    # a policy that nobody used before may still be compiled
    words = ("select", made["id"], *features, *metadata)
    eventually(lambda: main(words) == 0)
    assert qbrix.json(*words)["arm"]["index"] in (0, 1)
    assert "BAD_REQUEST: " in qbrix.fails("select", made["id"], "--vector", "[1]")


def test_a_state_goes_one_way_only(qbrix: Shell) -> None:
    words = ("experiment", "list", "--enabled", "--paused")
    assert "not allowed with" in qbrix.fails(*words, code=2)
