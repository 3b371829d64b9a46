"""``qbrix gate`` on a running system."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.resources.conftest import Shell

RULES = [
    {"key": "country", "operator": "in", "value": ["TR", "DE"], "arm_name": "green"}
]


def test_a_gate_is_made_changed_replaced_and_deleted(
    qbrix: Shell, experiment: dict[str, Any], tmp_path: Path
) -> None:
    identity = experiment["id"]
    blue = experiment["pool"]["arms"][1]["id"]
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(RULES))
    words = ("--rollout", "50", "--default-arm", blue, "--rules", f"@{file}")
    made = qbrix.json("gate", "create", identity, *words)
    assert (made["rollout_percentage"], made["default_arm_name"]) == (50, "blue")
    assert made["rules"][0]["arm_name"] == "green"
    again = qbrix.fails("gate", "create", identity)
    assert again.startswith("qbrix: CONFLICT: ")
    words = ("--active-hours-start", "22:00", "--active-hours-end", "06:00")
    zone = ("--timezone", "Europe/Istanbul", "--clear", "default_arm_id")
    said = qbrix("gate", "update", identity, *words, *zone)
    assert "active hours  22:00 to 06:00\n" in said
    assert "default arm" not in said
    assert "rollout       50 %\n" in said
    assert said == qbrix("gate", "get", identity)
    [row] = [
        line for line in qbrix("gate", "list").splitlines() if line.startswith(identity)
    ]
    assert row.split()[1:] == [
        experiment["name"],
        "50",
        "%,",
        "1",
        "rules",
        *row.split()[-2:],
    ]
    assert "50 %, 1 rules" in qbrix("experiment", "list")
    replaced = qbrix.json("gate", "replace", identity, "--disabled")
    assert (replaced["enabled"], replaced["rules"]) == (False, [])
    assert replaced["active_hours_start"] is None
    qbrix("gate", "delete", identity, "--yes")
    assert "GATE_NOT_FOUND: " in qbrix.fails("gate", "get", identity)


def test_why_a_gate_decides(qbrix: Shell, experiment: dict[str, Any]) -> None:
    identity = experiment["id"]
    qbrix("gate", "create", identity, "--config", json.dumps({"rules": RULES}))
    told = ("--metadata", '{"country": "TR"}', "--context-id", "somebody")
    said = qbrix("gate", "evaluate", identity, *told)
    assert "eligible     no\n" in said
    assert "reason       rule\n" in said
    assert "arm          green\n" in said
    chosen = qbrix.json("select", identity, *told)
    assert (chosen["arm"]["name"], chosen["is_default"]) == ("green", True)
    other = qbrix.json("gate", "evaluate", identity, "--metadata", '{"country": "US"}')
    assert (other["eligible"], other["reason"]) == (True, "bandit")


def test_a_gate_of_an_experiment_from_its_start(
    qbrix: Shell, pool: dict[str, Any], unique: Callable[[], str]
) -> None:
    gate = json.dumps({"rollout_percentage": 0, "default_arm_name": "blue"})
    words = ("--pool", pool["id"], "--policy", "BetaTSPolicy", "--gate", gate)
    made = qbrix.json("experiment", "create", unique(), *words)
    assert made["feature_gate"]["default_arm_name"] == "blue"
    assert qbrix.json("select", made["id"])["arm"]["name"] == "blue"


def test_mistakes(qbrix: Shell, experiment: dict[str, Any]) -> None:
    words = ("gate", "update", experiment["id"])
    assert "nothing to change" in qbrix.fails(*words, code=2)
    assert "invalid choice" in qbrix.fails(*words, "--clear", "rules", code=2)
    assert "is no number" in qbrix.fails(*words, "--rollout", "half", code=2)
    qbrix("gate", "create", experiment["id"])
    said = qbrix.fails(*words, "--rollout", "101")
    assert said.splitlines()[1].startswith("  rollout_percentage: ")
