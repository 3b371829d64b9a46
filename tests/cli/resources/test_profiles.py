"""The file of profiles."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from qbrixcli.resources.connection import checked_url
from qbrixcli.resources.errors import UsageError
from qbrixcli.resources.profiles import Profile
from qbrixcli.resources.profiles import ProfileFile

ONE = Profile(url="http://127.0.0.1:1", email="a@example.org", api_key="optiq_secret")


def test_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/nowhere")
    assert ProfileFile.of({"XDG_CONFIG_HOME": "/etc/x"}).path == Path(
        "/etc/x/qbrix/profiles.json"
    )
    for given in ({}, {"XDG_CONFIG_HOME": ""}, {"XDG_CONFIG_HOME": "here"}):
        path = Path("/nowhere/.config/qbrix/profiles.json")
        assert ProfileFile.of(given).path == path


def test_what_is_kept(tmp_path: Path) -> None:
    file = ProfileFile(tmp_path / "qbrix" / "profiles.json")
    assert file.read().profiles == {}
    file.keep("default", ONE)
    file.keep("other", ONE)
    assert file.read().current == "other"
    file.use("default")
    file.forget("other")
    book = file.read()
    assert (book.current, book.profiles) == ("default", {"default": ONE})
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    for change in (file.use, file.forget):
        with pytest.raises(UsageError, match="no profile is named 'other'"):
            change("other")


def test_a_broken_file_is_named_and_kept(tmp_path: Path) -> None:
    file = ProfileFile(tmp_path / "profiles.json")
    file.path.write_text("{")
    with pytest.raises(UsageError, match=f"cannot read {file.path}"):
        file.keep("default", ONE)
    assert file.path.read_text() == "{"


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "qbrix").write_text("")
    file = ProfileFile(tmp_path / "qbrix" / "profiles.json")
    with pytest.raises(UsageError, match=f"cannot write {file.path}|cannot read"):
        file.keep("default", ONE)


def test_secrets_are_not_shown() -> None:
    assert "secret" not in repr(ONE)


@pytest.mark.parametrize(
    "text", ["", "localhost:8080", "ftp://x", "http://", "http://x:y", "http://u:p@x"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(UsageError, match="is no address"):
        checked_url(text)


def test_an_address_keeps_its_path() -> None:
    assert checked_url("https://example.org/qbrix/") == "https://example.org/qbrix"
