"""What a person gets from the first ``qbrix up``."""

from __future__ import annotations

import json
import re
import shutil
import subprocess

import asyncpg
import httpx
import psutil
import pytest
from tests.system.learned import connect
from tests.system.learned import learned
from tests.system.learned import sha256
from tests.system.running import Up


def printed(system: Up, path: str) -> str:
    """The printed curl line for a path."""
    lines = [line.strip() for line in system.greeting.splitlines()]
    return next(line for line in lines if line.startswith("curl") and path in line[:80])


def shell(line: str) -> dict[str, object]:
    assert shutil.which("curl"), "the printed lines need curl"
    done = subprocess.run(
        ["sh", "-c", line], capture_output=True, text=True, timeout=30, check=True
    )
    return dict(json.loads(done.stdout))


async def test_the_printed_lines_select_and_reward(system: Up) -> None:
    chosen = shell(printed(system, "/agent/select"))
    assert isinstance(chosen["arm"], dict)
    assert chosen["arm"]["name"] in {"red", "green", "blue"}
    assert chosen["is_default"] is False
    async with learned(system, system.experiment) as state:
        before = (await state.pulls()).sum()
        assert shell(printed(system, "/agent/feedback")) == {"accepted": True}
        await state.until(before + 1)


def test_credentials_are_private_and_complete(system: Up) -> None:
    file = system.directory / "data" / "credentials.json"
    assert file.stat().st_mode & 0o777 == 0o600
    made = system.credentials
    assert set(made) == {"http_url", "grpc_url", "email", "password", "api_key"}
    assert re.fullmatch(r"optiq_[A-Za-z0-9_-]{43}", made["api_key"])
    assert made["http_url"].endswith(system.environ["PROXY_HTTP_PORT"])
    assert made["grpc_url"].endswith(system.environ["PROXY_GRPC_PORT"])


def test_password_and_key_are_printed_once_and_never_logged(system: Up) -> None:
    made = system.credentials
    for secret in (made["password"], made["api_key"]):
        assert system.greeting.count(secret) == 1
        assert secret not in system.log.read_text()
    for secret in system.secrets.values():
        assert secret not in system.greeting
        assert secret not in system.log.read_text()


async def test_only_the_digest_of_the_key_is_stored(system: Up) -> None:
    connection = await connect(system)
    try:
        everything = await _dump(connection)
    finally:
        await connection.close()
    made = system.credentials
    assert made["api_key"] not in everything
    assert made["api_key"].removeprefix("optiq_") not in everything
    assert made["password"] not in everything
    assert sha256(made["api_key"]) in everything
    assert "$argon2id$" in everything


async def _dump(connection: asyncpg.Connection) -> str:
    tables = await connection.fetch(
        "select tablename from pg_tables where schemaname = 'public'"
    )
    rows = [
        str(dict(row))
        for table in tables
        for row in await connection.fetch(f'select * from "{table[0]}"')
    ]
    return "\n".join(rows)


def test_secrets_are_in_no_command_line(system: Up) -> None:
    secrets = [*system.secrets.values(), system.credentials["api_key"]]
    for process in [system.process, *system.process.children(recursive=True)]:
        try:
            words = " ".join(process.cmdline())
        except psutil.NoSuchProcess:
            continue
        assert not any(secret in words for secret in secrets)


def test_everything_says_that_it_is_ready(api: httpx.Client, system: Up) -> None:
    origin = system.credentials["http_url"]
    for path in ("/health", "/health/ready"):
        assert httpx.get(f"{origin}{path}", trust_env=False).status_code == 200


@pytest.mark.parametrize("variable", ["PROXY_HTTP_PORT", "PROXY_GRPC_PORT"])
def test_doors_open_on_loopback_only(system: Up, variable: str) -> None:
    port = int(system.environ[variable])
    family = [system.process, *system.process.children(recursive=True)]
    listening = {
        at.laddr.ip.removeprefix("::ffff:")
        for process in family
        for at in process.net_connections("tcp")
        if at.status == psutil.CONN_LISTEN and at.laddr.port == port
    }
    assert listening == {"127.0.0.1"}
