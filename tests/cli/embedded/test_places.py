"""Where another account can read and write."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from qbrixcli.embedded import places
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.places import Account

STRANGER = Account(uid=54_321, gid=54_321)
OURSELVES = Account(uid=os.geteuid(), gid=os.getegid())


def test_a_closed_folder_on_the_way_stops_a_stranger(directory: Path) -> None:
    inner = directory / "closed" / "inner"
    inner.mkdir(parents=True)
    assert places.can_enter(inner, STRANGER)
    inner.parent.chmod(0o700)
    assert not places.can_enter(inner, STRANGER)
    assert places.can_enter(inner, OURSELVES)


def test_what_is_missing_does_not_stop_a_stranger(directory: Path) -> None:
    assert places.can_enter(directory / "not" / "there", STRANGER)


def test_an_open_directory_is_used_itself(directory: Path) -> None:
    assert places.reachable_directory(directory, STRANGER, "x") == directory


def test_a_closed_directory_gets_the_same_place_each_time(
    directory: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scratch = directory / "scratch"
    wanted = scratch / "closed" / "data"
    wanted.mkdir(parents=True)
    wanted.parent.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    place = places.reachable_directory(wanted, STRANGER, "x")
    assert places.reachable_directory(wanted, STRANGER, "x") == place
    assert places.can_enter(place, STRANGER)
    assert place.is_relative_to(scratch)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert str(wanted) in said[0]
    assert str(place) in said[0]


def test_data_is_looked_for_where_it_was_left(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    wanted = directory / "closed" / "data"
    wanted.mkdir(parents=True)
    wanted.parent.chmod(0o700)
    place = places.reachable_directory(wanted, STRANGER, "x")
    wanted.parent.chmod(0o711)
    moved = wanted.rename(directory / "moved")
    assert places.reachable_directory(moved, STRANGER, "x") == place
    place.rmdir()
    with pytest.raises(StartError, match=f"was in {place}: restore it"):
        places.reachable_directory(moved, STRANGER, "x")


def test_data_that_was_closed_off_is_not_started_anew(directory: Path) -> None:
    wanted = directory / "folder" / "data"
    (wanted / "x").mkdir(parents=True)
    assert places.reachable_directory(wanted, STRANGER, "x") == wanted
    wanted.parent.chmod(0o700)
    with pytest.raises(StartError, match="cannot enter .* any more"):
        places.reachable_directory(wanted, STRANGER, "x")


def test_a_place_of_somebody_else_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = directory / "closed" / "data"
    wanted.mkdir(parents=True)
    wanted.parent.chmod(0o700)
    monkeypatch.setattr(tempfile, "tempdir", str(directory))
    trap = directory / f"qbrix-{os.geteuid()}"
    trap.symlink_to(directory / "elsewhere")
    (directory / "elsewhere").mkdir()
    with pytest.raises(StartError, match="belongs to somebody else"):
        places.reachable_directory(wanted, STRANGER, "x")


def test_programs_a_stranger_cannot_reach_are_copied_readable(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tree = directory / "closed" / "tree"
    for folder in ("bin", "lib", "doc"):
        (tree / folder).mkdir(parents=True)
    program = tree / "bin" / "postgres"
    program.write_text("program")
    program.chmod(0o700)
    (tree / "lib" / "library").write_text("library")
    (tree / "lib" / "library").chmod(0o600)
    tree.parent.chmod(0o700)
    monkeypatch.setattr(places, "SYSTEM_ROOT", directory / "system")
    copy = places.runnable_tree(tree, ("bin", "lib"), STRANGER)
    assert places.can_enter(copy / "bin" / "postgres", STRANGER)
    assert (copy / "lib" / "library").stat().st_mode & 0o777 == 0o644
    assert not (copy / "doc").exists()
    assert places.runnable_tree(tree, ("bin", "lib"), STRANGER) == copy
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_root_lends_the_server_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    account = places.server_account()
    assert account.uid != 0
    assert account.options["extra_groups"] == []
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert places.server_account().uid == 1234
    assert places.server_account().options == {}
