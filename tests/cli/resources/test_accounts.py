"""``qbrix key``, ``qbrix user`` and ``qbrix audit`` on a running system."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.resources.conftest import Shell

from qbrixcli.resources.user import ROLES
from qbrixstore.postgres import access


def test_a_key_is_made_used_rotated_and_revoked(
    qbrix: Shell, unique: Callable[[], str]
) -> None:
    name = unique()
    words = ("--scope", "pool:read", "--scope", "agent:read", "--expires", "2099-01-01")
    made = qbrix.json("key", "create", name, *words)
    assert sorted(made["scopes"]) == ["agent:read", "pool:read"]
    assert made["expires_at"] == 4_070_908_800
    shown = qbrix("key", "get", made["id"])
    assert "2099-01-01 00:00:00Z" in shown
    assert made["key"] not in shown
    qbrix.set(QBRIX_API_KEY=made["key"])
    assert "quickstart" in qbrix("pool", "list")
    assert "qbrix: INSUFFICIENT_SCOPES: " in qbrix.fails(
        "pool", "create", name, "--arm", "a"
    )
    qbrix.set(QBRIX_API_KEY="")
    assert f"{name} 2" in qbrix("key", "update", made["id"], "--name", f"{name} 2")
    rotated = qbrix.json("key", "rotate", made["id"], "--yes")
    assert rotated["key"] != made["key"]
    usage = qbrix.json("key", "usage", made["id"])
    assert usage["rate_limit_per_minute"] == 0
    assert "unlimited" in qbrix("key", "usage", made["id"])
    assert "add --yes" in qbrix.fails("key", "revoke", made["id"], code=2)
    qbrix("key", "delete", made["id"], "--yes")
    [row] = [one for one in qbrix.json("key", "list") if one["id"] == made["id"]]
    assert row["is_active"] is False
    actions = [one["action"] for one in qbrix.json("audit", "--of", made["id"])]
    assert actions == ["key.revoke", "key.rotate", "key.update", "key.create"]
    newest = qbrix("audit", "--limit", "1").splitlines()
    assert newest[0].split()[:3] == ["when", "action", "of"]
    assert made["id"] in newest[1]


def test_a_user_is_added_promoted_and_let_in_no_more(
    qbrix: Shell, unique: Callable[[], str]
) -> None:
    email = f"{unique()}@example.org"
    qbrix.pipe("a long password\n")
    made = qbrix.json("user", "create", email, "--role", "viewer")
    assert made["role"] == "viewer"
    qbrix("user", "role", made["id"], "member")
    assert qbrix.json("user", "get", made["id"])["role"] == "member"
    qbrix("user", "deactivate", made["id"], "--yes")
    [row] = [one for one in qbrix.json("user", "list") if one["id"] == made["id"]]
    assert row["is_active"] is False
    changed = qbrix.json("user", "update", made["id"], "--active", "--role", "admin")
    assert (changed["is_active"], changed["role"]) == (True, "admin")
    assert email in qbrix("user", "list")
    qbrix.pipe("a long password\n")
    again = qbrix.fails("user", "create", email)
    assert again.startswith("qbrix: USER_ALREADY_EXISTS: ")


def test_roles_are_those_of_the_store() -> None:
    assert set(ROLES) == set(access.ROLES)
