"""``qbrix pool`` on a running system."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.resources.conftest import Shell


def test_a_pool_is_made_shown_renamed_and_deleted(
    qbrix: Shell, unique: Callable[[], str]
) -> None:
    name, other = unique(), unique()
    said = qbrix("pool", "create", name, "--arm", "green", "--arm", "blue")
    found = qbrix.json("pool", "list")
    [made] = [one for one in found if one["name"] == name]
    assert [arm["name"] for arm in made["arms"]] == ["green", "blue"]
    assert said == qbrix("pool", "get", made["id"])
    first, second, *_ = said.splitlines()
    assert first.split() == ["id", made["id"]]
    assert second.split() == ["name", name]
    assert said.splitlines()[-1].split()[:3] == ["1", made["arms"][1]["id"], "blue"]
    assert other in qbrix("pool", "update", made["id"], "--name", other)
    rows = qbrix("pool", "list").splitlines()
    assert rows[0].split() == ["id", "name", "arms", "updated"]
    [row] = [row for row in rows if row.startswith(made["id"])]
    assert row.split()[1:3] == [other, "2"]
    qbrix("pool", "delete", made["id"], "--yes")
    assert "POOL_NOT_FOUND: " in qbrix.fails("pool", "get", made["id"])


def test_arms_of_json_and_of_a_file(
    qbrix: Shell, unique: Callable[[], str], tmp_path: Path
) -> None:
    file = tmp_path / "arms.json"
    arms: list[Any] = ["red", {"name": "blue", "metadata": {"price": 3}}]
    file.write_text(json.dumps(arms))
    for given in (json.dumps(arms), f"@{file}"):
        words = ("--arm", "green", "--arms", given)
        made = qbrix.json("pool", "create", unique(), *words)
        assert [arm["name"] for arm in made["arms"]] == ["green", "red", "blue"]
        assert made["arms"][2]["metadata"] == {"price": 3}
    qbrix.pipe(json.dumps(arms))
    made = qbrix.json("pool", "create", unique(), "--arms", "@-")
    assert len(made["arms"]) == 2
    assert "name the arms" in qbrix.fails("pool", "create", "x", code=2)
    missing = qbrix.fails("pool", "create", "x", "--arms", "@nowhere.json", code=2)
    assert "nowhere.json: No such file" in missing


def test_a_pool_in_use_is_named_with_its_experiments(
    qbrix: Shell, pool: dict[str, Any], experiment: dict[str, Any]
) -> None:
    said = qbrix.fails("pool", "delete", pool["id"], "--yes")
    assert said.startswith("qbrix: POOL_HAS_EXPERIMENTS: ")
    assert experiment["id"] in said
    assert said.count("\n") == 1
    [row] = qbrix("pool", "experiments", pool["id"]).splitlines()[1:]
    assert row.split()[:4] == [
        experiment["id"],
        experiment["name"],
        "BetaTSPolicy",
        "running",
    ]


def test_lists_are_read_to_their_end(
    qbrix: Shell, unique: Callable[[], str], monkeypatch: Any
) -> None:
    names = [unique() for _ in range(5)]
    for name in names:
        qbrix("pool", "create", name, "--arm", "a")
    monkeypatch.setattr("qbrixcli.resources.paging.MOST_ROWS", 2)
    found = [one["name"] for one in qbrix.json("pool", "list")]
    assert found[:5] == names[::-1]
    assert found[-1] == "quickstart"
    some = qbrix.json("pool", "list", "--limit", "3", "--offset", "1")
    assert [one["name"] for one in some] == names[3:0:-1]
    assert qbrix("pool", "list", "--limit", "0") == "no pools\n"
    assert qbrix.json("pool", "list", "--limit", "0") == []


def test_a_deletion_asks(qbrix: Shell, pool: dict[str, Any]) -> None:
    assert f"add --yes to delete pool {pool['id']}" in qbrix.fails(
        "pool", "delete", pool["id"], code=2
    )
    qbrix.type("n\n")
    said = qbrix.fails("pool", "delete", pool["id"], code=2)
    assert said == f"delete pool {pool['id']}? [y/N] qbrix: nothing was done\n"
    qbrix("pool", "get", pool["id"])
    qbrix.type("y\n")
    qbrix("pool", "delete", pool["id"])
    qbrix.fails("pool", "get", pool["id"])
