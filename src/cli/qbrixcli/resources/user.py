"""``qbrix user``."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from qbrixcli.resources.call import Call
from qbrixcli.resources.secret import ask_secret
from qbrixcli.resources.secret import sure
from qbrixcli.resources.tree import Branch
from qbrixcli.resources.tree import asks
from qbrixcli.resources.tree import paged

USERS = ("api", "auth", "users")
ROLES = ("viewer", "member", "admin")


def add_user(top: Branch) -> None:
    """The commands of users."""
    branch = top.group("user", "users of the tenant, for admins")
    text = "add a user, whose password is asked for"
    made = branch.add("create", text, create, "email", prepare=_ask)
    made.add_argument(
        "--role", choices=ROLES, default="member", help="member by default"
    )
    paged(branch.add("list", "list the users, the newest first", show_all))
    branch.add("get", "show a user", get, "user")
    _add_update(branch)
    role = branch.add("role", "give a user another role", assign, "user")
    role.add_argument("role", choices=ROLES)
    asked = sure("let user {user} in no more")
    text = "let a user in no more, with any key or login (or: delete)"
    asks(
        branch.add(
            "deactivate", text, deactivate, "user", aliases=["delete"], prepare=asked
        )
    )
    text = "set another password of your own, which is asked for"
    branch.add("password", text, password, prepare=_ask_both)


def _add_update(branch: Branch) -> None:
    text = "change the role of a user, or let them in again"
    changed = branch.add("update", text, update, "user")
    changed.add_argument("--role", choices=ROLES, help="another role")
    state = changed.add_mutually_exclusive_group()
    add = state.add_argument
    add("--active", action="store_true", default=None, help="let them in")
    add("--inactive", dest="active", action="store_false", help="let them in no more")


def _ask(given: Namespace) -> None:
    given.password = ask_secret("password")


def _ask_both(given: Namespace) -> None:
    given.current = ask_secret("current password")
    given.new = ask_secret("new password")


async def create(call: Call) -> None:
    """``qbrix user create``."""
    given = call.given
    body = {"email": given.email, "password": given.password, "role": given.role}
    _show(call, await call.api.post(*USERS, body=body))


async def show_all(call: Call) -> None:
    """``qbrix user list``."""
    from qbrixcli.resources.account_views import USER

    await call.page(USER, *USERS, key="users")


async def get(call: Call) -> None:
    """``qbrix user get``."""
    _show(call, await call.api.get(*USERS, call.given.user))


async def update(call: Call) -> None:
    """``qbrix user update``."""
    changes = {"role": call.given.role, "is_active": call.given.active}
    _show(call, await call.api.patch(*USERS, call.given.user, body=changes))


async def assign(call: Call) -> None:
    """``qbrix user role``."""
    body = {"role": call.given.role}
    call.message(await call.api.put(*USERS, call.given.user, "role", body=body))


async def deactivate(call: Call) -> None:
    """``qbrix user deactivate``."""
    call.message(await call.api.delete(*USERS, call.given.user))


async def password(call: Call) -> None:
    """``qbrix user password``."""
    body = {"current_password": call.given.current, "new_password": call.given.new}
    call.message(await call.api.put("api", "auth", "profile", "password", body=body))


def _show(call: Call, answer: dict[str, Any]) -> None:
    from qbrixcli.resources.account_views import USER

    call.out.record(USER, answer)
