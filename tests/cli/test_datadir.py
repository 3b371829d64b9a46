"""The data directory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import ORDINARY
from tests.cli.conftest import as_ordinary_user

from qbrixcli import datadir
from qbrixcli.datadir import DataDirectory
from qbrixcli.datadir import write_private
from qbrixcli.embedded.errors import StartError


async def test_is_made_private_and_ignored_by_git(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "new" / "data")
    await data.open()
    assert (data.path / "version").read_text() == "1\n"
    assert (data.path / ".gitignore").read_text() == "*\n"
    assert not data.path.stat().st_mode & 0o066
    data.close()
    await data.open()
    data.close()


async def test_one_at_a_time(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path / "data")
    await data.open()
    with pytest.raises(StartError, match=f"in use by process {os.getpid()}: stop it"):
        await DataDirectory(tmp_path / "data").open()
    data.close()


async def test_waits_for_what_a_killed_owner_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datadir, "RELEASE_SEC", 0.2)
    code = (
        "import asyncio, os, subprocess, sys\n"
        "from pathlib import Path\n"
        "from qbrixcli.datadir import DataDirectory\n"
        "data = DataDirectory(Path(sys.argv[1]))\n"
        "asyncio.run(data.open())\n"
        "child = subprocess.Popen(['sleep', '600'], pass_fds=(data.lock.fd,),\n"
        "    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    path = tmp_path / "data"
    owner = run(sys.executable, "-c", code, str(path))
    child = int(owner.stdout)
    with pytest.raises(StartError, match="in use"):
        await DataDirectory(path).open()
    os.kill(child, 9)
    data = DataDirectory(path)
    monkeypatch.setattr(datadir, "RELEASE_SEC", 10)
    await data.open()
    data.close()


async def test_another_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("2\n")
    with pytest.raises(StartError, match=r"layout 2, this one reads 1.*QBRIX_DATA_DIR"):
        await DataDirectory(tmp_path).open()


async def test_what_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(StartError, match="not a data directory of qbrix"):
        await DataDirectory(tmp_path).open()
    assert os.listdir(tmp_path) == ["thesis.txt"]


async def test_a_file_in_its_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    for path in (tmp_path / "data", tmp_path / "data" / "below"):
        with pytest.raises(StartError, match=r"cannot write .*QBRIX_DATA_DIR"):
            await DataDirectory(path).open()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs two accounts")
async def test_a_directory_of_somebody_else_is_refused(directory: Path) -> None:
    data = DataDirectory(directory / "data")
    await data.open()
    data.close()
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from qbrixcli.datadir import DataDirectory\n"
        "from qbrixcli.embedded.errors import StartError\n"
        "try: asyncio.run(DataDirectory(Path(sys.argv[1])).open())\n"
        "except StartError as error: print(error)\n"
    )
    command = as_ordinary_user([sys.executable, "-c", code])
    data.path.chmod(0o755)
    assert (
        "belongs to user root: start qbrix as root"
        in run(*command, str(data.path)).stdout
    )
    missing = run(*command, str(directory / "missing"))
    assert "cannot write" in missing.stdout
    assert missing.stdout.count("\n") == 1
    os.chown(data.path / "version", ORDINARY, ORDINARY)
    with pytest.raises(StartError, match="belongs to user"):
        await data.open()


def test_private_files_are_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o644)
    write_private(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["secret"]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=60)
