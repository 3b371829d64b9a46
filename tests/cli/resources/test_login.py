"""Logging in, staying so, and who is asked as whom."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable

import httpx
import msgspec
import pytest
from tests.cli.resources.conftest import Shell
from tests.system.running import Up

from qbrixcli.embedded.ports import free_port
from qbrixcli.resources.profiles import Profile


@pytest.fixture
def member(qbrix: Shell, system: Up, unique: Callable[[], str]) -> tuple[str, str]:
    """Address and password of a member."""
    email, password = f"{unique()}@example.org", unique()
    qbrix.pipe(f"{password}\n")
    qbrix("user", "create", email, "--role", "member")
    return email, password


@pytest.fixture
def logged_in(nobody: Shell, system: Up, member: tuple[str, str]) -> Shell:
    """That member, logged in and without the data directory."""
    nobody.set(QBRIX_DATA_DIR=str(nobody.home / "none"))
    email, password = member
    nobody.pipe(f"{password}\n")
    nobody("login", "--email", email, "--url", system.credentials["http_url"])
    return nobody


def spoil(shell: Shell, **tokens: str) -> Profile:
    """The profile with other tokens than it got."""
    profile = shell.file.read().profiles["default"]
    changed = msgspec.structs.replace(profile, **tokens)
    shell.file.keep("default", changed)
    return profile


def test_the_system_of_this_directory_needs_no_login(qbrix: Shell, system: Up) -> None:
    shown = qbrix.json("whoami")
    assert shown["email"] == system.credentials["email"]
    assert shown["source"] == str(system.directory / "data" / "credentials.json")
    assert not qbrix.file.path.exists()


def test_nobody_is_told_what_to_do(nobody: Shell) -> None:
    said = nobody.fails("pool", "list", code=2)
    assert "start qbrix up in this directory, or run qbrix login" in said


def test_login_with_a_password(
    logged_in: Shell, system: Up, member: tuple[str, str]
) -> None:
    shown = logged_in.json("whoami")
    assert (shown["email"], shown["role"]) == (member[0], "member")
    assert shown["source"] == "profile default"
    path = logged_in.file.path
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert member[1] not in path.read_text()
    assert "qbrix: INSUFFICIENT_SCOPES: " in logged_in.fails("user", "list")


def test_login_by_typing_everything(
    nobody: Shell,
    system: Up,
    member: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    email, password = member
    nobody.type(f"{email}\n")
    monkeypatch.setattr("qbrixcli.resources.secret.getpass", lambda _: password)
    said = nobody("login", "--url", system.credentials["http_url"] + "/")
    assert f"as {email} (member)" in said
    assert nobody.json("whoami")["url"] == system.credentials["http_url"]


def test_a_wrong_password_keeps_nothing(
    nobody: Shell, system: Up, member: tuple[str, str]
) -> None:
    nobody.pipe("wrong password\n")
    words = ("--email", member[0], "--url", system.credentials["http_url"])
    assert "qbrix: UNAUTHORIZED: " in nobody.fails("login", *words)
    assert not nobody.file.path.exists()
    nobody.pipe("")
    assert "no password was given" in nobody.fails("login", *words, code=2)


def test_a_stale_access_token_is_renewed(logged_in: Shell) -> None:
    before = spoil(logged_in, access_token="stale")
    logged_in("pool", "list")
    after = logged_in.file.read().profiles["default"]
    assert after.access_token != "stale"
    assert after.refresh_token not in (before.refresh_token, None)
    # the second pair is as good as the first one
    spoil(logged_in, access_token="stale")
    logged_in("pool", "list")


def test_an_ended_login_says_so(logged_in: Shell) -> None:
    spoil(logged_in, access_token="stale", refresh_token="stale")
    said = logged_in.fails("pool", "list")
    assert said == ("qbrix: the login of profile default has ended: run qbrix login\n")


def test_commands_at_once_renew_once(logged_in: Shell) -> None:
    before = spoil(logged_in, access_token="stale")
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "qbrixcli", "whoami"],
            env={**os.environ},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        for _ in range(4)
    ]
    for process in started:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
    after = logged_in.file.read().profiles["default"]
    assert after.refresh_token != before.refresh_token
    spoil(logged_in, access_token="stale")
    logged_in("whoami")


def test_login_with_a_key_and_several_profiles(logged_in: Shell, system: Up) -> None:
    key = system.credentials["api_key"]
    logged_in.pipe(f"{key}\n")
    url = system.credentials["http_url"]
    logged_in("login", "--api-key", "--profile", "admin", "--url", url)
    assert logged_in.json("whoami")["role"] == "admin"
    assert logged_in.json("whoami", "--profile", "default")["role"] == "member"
    logged_in.set(QBRIX_PROFILE="default")
    assert logged_in.json("whoami")["role"] == "member"
    logged_in.set(QBRIX_PROFILE="")
    logged_in("profile", "use", "default")
    assert logged_in.json("whoami")["role"] == "member"
    listed = logged_in.json("profile", "list")
    assert [(one["name"], one["credential"], one["current"]) for one in listed] == [
        ("admin", "API key", False),
        ("default", "login", True),
    ]
    shown = logged_in("profile", "list")
    assert key not in shown
    logged_in("logout", "--profile", "admin")
    unknown = logged_in.fails("whoami", "--profile", "admin", code=2)
    assert "no profile is named 'admin', there are: default" in unknown


def test_the_environment_goes_before_profiles(logged_in: Shell, system: Up) -> None:
    logged_in.set(QBRIX_API_KEY=system.credentials["api_key"])
    shown = logged_in.json("whoami")
    assert (shown["role"], shown["source"]) == ("admin", "QBRIX_API_KEY")
    assert shown["url"] == system.credentials["http_url"]
    assert logged_in.json("whoami", "--profile", "default")["role"] == "member"
    elsewhere = f"http://127.0.0.1:{free_port()}"
    logged_in.set(QBRIX_URL=elsewhere)
    said = logged_in.fails("whoami")
    assert said == (
        f"qbrix: cannot reach {elsewhere} (connection refused): does it run?\n"
    )
    logged_in.set(QBRIX_API_KEY="optiq_wrong", QBRIX_URL="")
    assert "qbrix: INVALID_API_KEY: " in logged_in.fails("whoami")


def test_an_address_alone_sends_no_credentials(nobody: Shell, system: Up) -> None:
    nobody.set(QBRIX_URL=system.credentials["http_url"])
    assert "qbrix: UNAUTHORIZED: " in nobody.fails("whoami")
    nobody.set(QBRIX_URL="ftp://example.org")
    assert "is no address" in nobody.fails("whoami", code=2)


def test_a_page_of_something_else(nobody: Shell, system: Up) -> None:
    nobody.set(QBRIX_URL=system.credentials["http_url"] + "/docs")
    said = nobody.fails("whoami")
    assert said.startswith("qbrix: ")
    assert said.count("\n") == 1


def test_passwords_change(logged_in: Shell, member: tuple[str, str]) -> None:
    email, password = member
    logged_in.pipe(f"{password}\nanother {password}\n")
    assert "password changed" in logged_in("user", "password")
    assert "has ended" in logged_in.fails("whoami")
    logged_in.pipe(f"another {password}\n")
    logged_in("login", "--email", email)
    assert logged_in.json("whoami")["email"] == email


def test_the_file_is_never_open_to_others(logged_in: Shell, system: Up) -> None:
    logged_in.file.path.chmod(0o644)
    spoil(logged_in, access_token="stale")
    logged_in("whoami")
    assert stat.S_IMODE(logged_in.file.path.stat().st_mode) == 0o600
    with httpx.Client(base_url=system.credentials["http_url"]) as client:
        token = logged_in.file.read().profiles["default"].access_token
        bearer = {"Authorization": f"Bearer {token}"}
        assert client.get("/auth/profile", headers=bearer).status_code == 200
