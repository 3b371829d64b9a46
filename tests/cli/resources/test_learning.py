"""What was learned: seen, forgotten and brought back on a running system."""

from __future__ import annotations

from typing import Any

from tests.cli.resources.conftest import Shell
from tests.system.running import eventually


def test_what_an_experiment_did_and_that_it_can_forget(
    qbrix: Shell, experiment: dict[str, Any]
) -> None:
    identity = experiment["id"]
    for who in ("a", "b", "b"):
        token = qbrix.json("select", identity, "--context-id", who)["request_id"]
        qbrix("feedback", token, "1")

    def seen() -> bool:
        told = qbrix.json("insight", identity)
        done = told["total_selections"], told["learned_feedback"]
        return bool(done == (3, 3) and told["unique_contexts"] == 2)

    eventually(seen)
    said = " ".join(qbrix("insight", identity).split())
    assert "unique contexts 2 mean reward 1 learned 3 " in said
    arms = qbrix.json("insight", identity)["arms"]
    assert [arm["arm_name"] for arm in arms] == ["green", "blue"]
    assert sum(arm["selections"] for arm in arms) == 3
    before = qbrix.json("insight", identity, "--end", "2020-01-01")
    assert before["total_selections"] == 0
    running = qbrix.fails("experiment", "reset", identity, "--yes")
    assert running.startswith("qbrix: CONFLICT: ")
    qbrix("experiment", "disable", identity)
    assert "add --yes" in qbrix.fails("experiment", "reset", identity, code=2)
    qbrix("experiment", "reset", identity, "--yes")

    def knows() -> int:
        arms = qbrix.json("insight", identity)["arms"]
        return sum(arm["pulls"] for arm in arms)

    eventually(lambda: knows() == 0)
    [kept] = qbrix.json("experiment", "versions", identity)
    assert kept["updates"] == 3
    version = str(kept["version"])
    heading, row = qbrix("experiment", "versions", identity).splitlines()
    assert heading.split() == ["version", "generation", "learned", "kept"]
    assert row.split()[:3] == [version, "0", "3"]
    words = ("experiment", "rollback", identity, "--version")
    assert "add --yes" in qbrix.fails(*words, version, code=2)
    qbrix(*words, version, "--yes")
    eventually(lambda: knows() == 3)
    refused = qbrix.fails(*words, "12345", "--yes")
    assert refused.startswith("qbrix: ")
    assert "is no whole number" in qbrix.fails(*words, "-1", code=2)


def test_how_the_parts_do(qbrix: Shell) -> None:
    rows = qbrix("runtime").splitlines()
    assert [row.split()[:2] for row in rows[1:]] == [
        ["redis", "ok"],
        ["motor", "ok"],
        ["cortex", "ok"],
    ]
    redis = qbrix.json("runtime")[0]
    assert redis["waiting"] >= 0
