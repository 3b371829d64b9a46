"""The embedded Postgres."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import psutil
import pytest
from tests.cli.conftest import as_ordinary_user

from qbrixcli.embedded import Postgres
from qbrixcli.embedded import server
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.places import place_for
from qbrixcli.embedded.places import server_account
from qbrixcli.embedded.ports import free_port

PASSWORD = "a-secret_of-1-test"


async def connect(postgres: Postgres, password: str = PASSWORD) -> asyncpg.Connection:
    settings = postgres.settings
    return await asyncpg.connect(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        password=password,
        database=settings.database,
        ssl=False,
    )


async def run(postgres: Postgres, statement: str) -> object:
    connection = await connect(postgres)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def test_keeps_what_was_written_when_it_is_killed(directory: Path) -> None:
    postgres = Postgres(directory / "data", free_port(), PASSWORD)
    async with postgres:
        await run(postgres, "create table kept as select 7 as number")
        os.kill(postgres.pid, signal.SIGKILL)
        await postgres.wait()
    async with postgres:
        assert await run(postgres, "select number from kept") == 7


async def test_a_process_id_that_was_given_away_does_not_stop_it(
    directory: Path,
) -> None:
    async with Postgres(directory / "data", free_port(), PASSWORD):
        pass
    place = place_for(directory / "data", server_account())
    stale = place / "cluster" / "postmaster.pid"
    # a live process that is certainly no postgres
    stale.write_text(f"{os.getpid()}\n")
    async with Postgres(directory / "data", free_port(), PASSWORD) as postgres:
        assert await run(postgres, "select 1") == 1


async def test_a_first_start_that_was_cut_off_is_done_again(directory: Path) -> None:
    place = place_for(directory / "data", server_account())
    half = place / "cluster.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    async with Postgres(directory / "data", free_port(), PASSWORD) as postgres:
        assert await run(postgres, "select 1") == 1
    assert not half.exists()
    assert not list(place.glob("*.secret"))


async def test_only_the_password_opens_it(directory: Path) -> None:
    async with Postgres(directory / "data", free_port(), PASSWORD) as postgres:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await connect(postgres, "wrong")
    with pytest.raises(StartError, match="made with another password"):
        await Postgres(directory / "data", free_port(), "another").start()


async def test_two_never_share_a_directory(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "RELEASE_SEC", 0.1)
    async with Postgres(directory / "data", free_port(), PASSWORD):
        with pytest.raises(StartError, match="already runs"):
            await Postgres(directory / "data", free_port(), PASSWORD).start()


async def test_says_why_it_did_not_start(directory: Path) -> None:
    port = free_port()
    async with Postgres(directory / "one", port, PASSWORD):
        with pytest.raises(StartError, match="in use|could not"):
            await Postgres(directory / "two", port, PASSWORD).start()


async def test_variables_of_other_clients_do_not_steer_it(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "xx_XX")
    async with Postgres(directory / "data", free_port(), PASSWORD) as postgres:
        assert await run(postgres, "show lc_messages") == "C"


async def test_stops_with_a_client_in_the_middle_of_something(directory: Path) -> None:
    async with Postgres(directory / "data", free_port(), PASSWORD) as postgres:
        connection = await connect(postgres)
        await connection.execute("begin")
        pid = postgres.pid
        family = psutil.Process(pid).children(recursive=True)
    assert not psutil.pid_exists(pid)
    assert not psutil.wait_procs(family, timeout=5)[1]
    connection.terminate()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root lends it to nobody")
async def test_a_directory_closed_to_nobody_works_for_root(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    async with Postgres(closed / "data", free_port(), PASSWORD) as postgres:
        assert psutil.Process(postgres.pid).uids().real == server_account().uid
        assert await run(postgres, "select 1") == 1
    place = place_for(closed / "data", server_account())
    assert (place / "cluster" / "PG_VERSION").exists()
    shutil.rmtree(place)


def test_an_ordinary_user_can_run_it(directory: Path) -> None:
    directory.chmod(0o777)
    script = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from qbrixcli.embedded import Postgres, Valkey\n"
        "from qbrixcli.embedded.ports import free_ports\n"
        "async def main():\n"
        "    one, two = free_ports(2)\n"
        "    home = Path(sys.argv[1])\n"
        "    async with Valkey(home / 'v', one, 'x'), Postgres(home / 'p', two, 'y'):\n"
        "        print('ran as', os.geteuid() != 0)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-c", script, str(directory / "home")]
    done = subprocess.run(
        as_ordinary_user(command), capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "ran as True\n", done.stderr
