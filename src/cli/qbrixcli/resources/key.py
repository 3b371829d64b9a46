"""``qbrix key``."""

from __future__ import annotations

from typing import Any

from qbrixcli.resources.call import Call
from qbrixcli.resources.given import moment
from qbrixcli.resources.secret import sure
from qbrixcli.resources.tree import Branch
from qbrixcli.resources.tree import asks

KEYS = ("api", "auth", "api-keys")


def add_key(top: Branch) -> None:
    """The commands of API keys."""
    branch = top.group("key", "API keys of the caller")
    _add_create(branch)
    branch.add("list", "list the keys, revoked ones included", show_all)
    branch.add("get", "show a key without its secret", get, "key")
    renamed = branch.add("update", "rename a key", update, "key")
    renamed.add_argument("--name", required=True, help="the new name")
    text = "give a key another secret, shown once"
    asked = sure("end the present secret of key {key}")
    asks(branch.add("rotate", text, rotate, "key", prepare=asked))
    asked = sure("revoke key {key} for good")
    text = "end a key for good (or: delete)"
    asks(branch.add("revoke", text, revoke, "key", aliases=["delete"], prepare=asked))
    branch.add("usage", "show how often a key was used in this minute", usage, "key")


def _add_create(branch: Branch) -> None:
    add = branch.add("create", "make a key, shown once", create, "name").add_argument
    add(
        "--scope",
        action="append",
        metavar="SCOPE",
        help="what it may do, such as agent:read; repeat it; all you may by default",
    )
    add(
        "--expires",
        type=moment,
        metavar="TIME",
        help="a date and time after which it works no more",
    )


async def create(call: Call) -> None:
    """``qbrix key create``."""
    given = call.given
    body: dict[str, Any] = {"name": given.name}
    if given.scope:
        body["scopes"] = given.scope
    if given.expires is not None:
        body["expires_at"] = given.expires.timestamp()
    _show(call, await call.api.post(*KEYS, body=body))


async def show_all(call: Call) -> None:
    """``qbrix key list``."""
    from qbrixcli.resources.account_views import KEY

    call.out.rows(KEY, await call.api.get(*KEYS))


async def get(call: Call) -> None:
    """``qbrix key get``."""
    _show(call, await call.api.get(*KEYS, call.given.key))


async def update(call: Call) -> None:
    """``qbrix key update``."""
    body = {"name": call.given.name}
    _show(call, await call.api.patch(*KEYS, call.given.key, body=body))


async def rotate(call: Call) -> None:
    """``qbrix key rotate``."""
    _show(call, await call.api.post(*KEYS, call.given.key, "rotate"))


async def revoke(call: Call) -> None:
    """``qbrix key revoke``."""
    call.message(await call.api.delete(*KEYS, call.given.key))


async def usage(call: Call) -> None:
    """``qbrix key usage``."""
    from qbrixcli.resources.account_views import USAGE

    call.out.record(USAGE, await call.api.get(*KEYS, call.given.key, "usage"))


def _show(call: Call, answer: dict[str, Any]) -> None:
    from qbrixcli.resources.account_views import KEY

    call.out.record(KEY, answer)
