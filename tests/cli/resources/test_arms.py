"""``qbrix pool arms`` on a running system."""

from __future__ import annotations

from typing import Any

from tests.cli.resources.conftest import Shell


def test_arms_come_go_and_come_back(
    qbrix: Shell, pool: dict[str, Any], experiment: dict[str, Any]
) -> None:
    words = ("--arm", "red", "--arms", '[{"name": "white", "metadata": {"n": 1}}]')
    said = qbrix("pool", "arms", "add", pool["id"], *words)
    assert [line.split()[2] for line in said.splitlines()[-4:]] == [
        "green",
        "blue",
        "red",
        "white",
    ]
    arms = qbrix.json("pool", "arms", "list", pool["id"])
    assert [arm["index"] for arm in arms] == [0, 1, 2, 3]
    assert arms[3]["metadata"] == {"n": 1}
    for arm in arms[:3]:
        qbrix("pool", "arms", "deactivate", pool["id"], arm["id"])
    assert "  1 of 4  " in qbrix("pool", "list")
    for _ in range(4):
        chosen = qbrix.json("select", experiment["id"])["arm"]
        assert chosen["name"] == "white"
    last = qbrix.fails("pool", "arms", "deactivate", pool["id"], arms[3]["id"])
    assert last.startswith("qbrix: CONFLICT: ")
    back = qbrix.json("pool", "arms", "reactivate", pool["id"], arms[0]["id"])
    assert back["is_active"] is True


def test_an_arm_is_described(qbrix: Shell, pool: dict[str, Any]) -> None:
    arm = pool["arms"][0]["id"]
    words = ("--name", "lime", "--metadata", '{"hue": 120}')
    changed = qbrix.json("pool", "arms", "describe", pool["id"], arm, *words)
    assert (changed["name"], changed["metadata"]) == ("lime", {"hue": 120})
    said = qbrix("pool", "arms", "list", pool["id"])
    assert '{"hue": 120}' in said
    nothing = qbrix.fails("pool", "arms", "describe", pool["id"], arm, code=2)
    assert "give --name or --metadata" in nothing
    unknown = qbrix.fails("pool", "arms", "deactivate", pool["id"], "nobody")
    assert "NOT_FOUND: " in unknown
    assert "name the arms" in qbrix.fails("pool", "arms", "add", pool["id"], code=2)
