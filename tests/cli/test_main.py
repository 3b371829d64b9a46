"""The command as a person meets it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from qbrixcli.datadir import DataDirectory
from qbrixcli.embedded.ports import free_ports
from qbrixcli.main import main
from qbrixcli.topology import PORTS


def run(path: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
    variables = {**ports, "PYTHONDONTWRITEBYTECODE": "", **variables}
    return subprocess.run(
        [sys.executable, "-m", "qbrixcli", *words],
        env={**os.environ, "QBRIX_DATA_DIR": str(path), **variables},
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The only line of a command that could not start."""
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("qbrix: ")
    return done.stderr


def test_a_taken_port(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        line = one_line(run(tmp_path / "data", "up", PROXY_HTTP_PORT=str(port)))
    assert f"port {port} on 127.0.0.1 is taken" in line
    assert "PROXY_HTTP_PORT" in line


@pytest.mark.parametrize("count", ["0", "65", "two", "-1", "²"])
def test_a_number_of_motors_that_cannot_be(tmp_path: Path, count: str) -> None:
    done = run(tmp_path / "data", "up", f"--motors={count}")
    assert (done.returncode, done.stdout) == (2, "")
    assert f"argument --motors: {count}: wants 1 to 64" in done.stderr


def test_a_directory_of_another_version(tmp_path: Path) -> None:
    (tmp_path / "version").write_text("999\n")
    assert "another version" in one_line(run(tmp_path, "up"))


def test_a_directory_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert "cannot write" in one_line(run(tmp_path / "data", "up"))


async def test_a_directory_in_use(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    await data.open()
    try:
        for words in (["up"], ["infra"], ["reset", "--yes"]):
            line = one_line(run(tmp_path, *words))
            assert f"in use by process {os.getpid()}" in line
    finally:
        data.close()


def test_a_bad_value(tmp_path: Path) -> None:
    line = one_line(run(tmp_path / "data", "up", CORTEX_BATCH_SIZE="many"))
    assert "CORTEX_BATCH_SIZE: got 'many', wants an integer" in line


def test_some_stores_named_and_some_not(tmp_path: Path) -> None:
    line = one_line(run(tmp_path / "data", "up", PROXY_REDIS_HOST="redis.test"))
    assert "MOTOR_REDIS_HOST, CORTEX_REDIS_HOST is not" in line


def test_one_service_needs_stores(tmp_path: Path) -> None:
    assert "start them with qbrix infra" in one_line(run(tmp_path, "dev", "motor"))


def test_reset_asks_and_forgets_only_what_is_ours(directory: Path) -> None:
    path = directory / "data"
    assert "nothing to forget" in run(path, "reset", "--yes").stdout
    assert run(path, "migrate").returncode == 0
    assert "add --yes" in one_line(run(path, "reset"))
    assert path.exists()
    assert run(path, "reset", "--yes").returncode == 0
    assert not path.exists()
    (directory / "thesis.txt").write_text("years of work")
    assert "not a data directory" in one_line(run(directory, "reset", "--yes"))


def test_migrate_uses_the_embedded_database(directory: Path) -> None:
    for _ in range(2):
        done = run(directory / "data", "migrate")
        assert done.stdout == "the database has the current schema\n", done.stderr


def test_an_unknown_command_lists_the_known_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["fly"])
    assert caught.value.code == 2
    assert "up, infra, dev, migrate, reset, demo" in capsys.readouterr().err.replace(
        "'", ""
    )
