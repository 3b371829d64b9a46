"""``qbrix login``, ``logout``, ``whoami`` and ``profile``: who asks whom."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING
from typing import Any

from qbrixcli.resources.call import Call
from qbrixcli.resources.call import Desk
from qbrixcli.resources.secret import ask_line
from qbrixcli.resources.secret import ask_secret
from qbrixcli.resources.tree import Branch

if TYPE_CHECKING:
    from qbrixcli.resources.profiles import Profile

PROFILE = ("api", "auth", "profile")


def add_login(top: Branch) -> None:
    """The commands of profiles."""
    text = "log in and keep that in a profile"
    made = top.add_local("login", text, login, prepare=ask)
    add = made.add_argument
    add("--url", help="address of the system")
    how = made.add_mutually_exclusive_group()
    how.add_argument("--email", help="with a password, which is asked for")
    how.add_argument(
        "--api-key", action="store_true", help="with an API key, which is asked for"
    )
    top.add_local("logout", "forget a profile", logout)
    top.add("whoami", "show who asks, and where", whoami)
    branch = top.group("profile", "profiles: addresses and credentials")
    branch.add_local("list", "list the profiles", show_all)
    branch.add_local("use", "make a profile the current one", use, "name")


def ask(given: Namespace) -> None:
    """Ask for what was not given; a secret is never an option."""
    given.secret = None
    if given.api_key:
        given.secret = ask_secret("API key")
    else:
        given.email = given.email or ask_line("e-mail")
        given.secret = ask_secret("password")


async def login(desk: Desk) -> None:
    """``qbrix login``."""
    from qbrixcli.resources.connection import URL
    from qbrixcli.resources.connection import checked_url
    from qbrixcli.resources.connection import read_client_settings

    settings = read_client_settings(desk.environ)
    book = desk.file.read()
    name = desk.given.profile or settings.profile or book.current
    before = book.profiles.get(name)
    url = desk.given.url or settings.url or (before.url if before else URL)
    profile, user = await _enter(desk, checked_url(url))
    desk.file.keep(name, profile)
    answer = {"profile": name, "url": profile.url, "user": user}
    desk.out.said(
        f"logged in at {profile.url} as {user['email']} ({user['role']}),"
        f" kept in profile {name}",
        answer,
    )


async def _enter(desk: Desk, url: str) -> tuple[Profile, dict[str, Any]]:
    """A profile that works, and whose it is. Raises ClientError."""
    from qbrixcli.resources.client import Api
    from qbrixcli.resources.connection import Connection
    from qbrixcli.resources.profiles import Profile

    given = desk.given
    key = given.secret if given.api_key else None
    profile = Profile(url=url, api_key=key)
    async with Api(Connection(profile=profile, source="login"), desk.file) as api:
        if key is not None:
            user = await api.get(*PROFILE)
            return Profile(url=url, email=user["email"], api_key=key), user
        body = {"email": given.email, "password": given.secret}
        made = await api.post("api", "auth", "login", body=body)
    entered = Profile(
        url=url,
        email=made["user"]["email"],
        access_token=made["access_token"],
        refresh_token=made["refresh_token"],
    )
    return entered, made["user"]


async def logout(desk: Desk) -> None:
    """``qbrix logout``."""
    from qbrixcli.resources.connection import read_client_settings

    settings = read_client_settings(desk.environ)
    name = desk.given.profile or settings.profile or desk.file.read().current
    desk.file.forget(name)
    desk.out.said(f"forgot profile {name}", {"profile": name})


async def whoami(call: Call) -> None:
    """``qbrix whoami``."""
    from qbrixcli.resources.account_views import WHO

    user = await call.api.get(*PROFILE)
    connection = call.api.connection
    call.out.record(WHO, {**user, "url": connection.url, "source": connection.source})


async def show_all(desk: Desk) -> None:
    """``qbrix profile list``."""
    from qbrixcli.resources.account_views import PROFILES

    book = desk.file.read()
    rows = [
        {
            "name": name,
            "url": one.url,
            "email": one.email,
            "credential": "API key" if one.api_key else "login",
            "current": name == book.current,
        }
        for name, one in sorted(book.profiles.items())
    ]
    desk.out.rows(PROFILES, rows)


async def use(desk: Desk) -> None:
    """``qbrix profile use``."""
    desk.file.use(desk.given.name)
    answer = {"profile": desk.given.name}
    desk.out.said(f"profile {desk.given.name} is the current one", answer)
