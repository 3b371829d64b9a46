"""The page about people and keys: its examples run as they stand."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.proxy.auth.conftest import PASSWORD
from tests.proxy.auth.conftest import an_email
from tests.proxy.processes import environment
from tests.proxy.processes import running

from proxysvc.accounts.throttle import Doorkeeper
from proxysvc.auth import Authenticator
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres.access import ROLES
from qbrixstore.redis.config import RedisSettings

PAGE = (Path(__file__).parents[3] / "docs" / "auth.md").read_text()
NAMES = ("URL", "GRPC", "EMAIL", "PASSWORD")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
async def places(
    postgres_server: PostgresSettings, redis_server: RedisSettings
) -> AsyncIterator[dict[str, str]]:
    async with running(environment(postgres_server, redis_server)) as process:
        yield {
            "URL": process.url,
            "GRPC": process.grpc,
            "EMAIL": an_email(),
            "PASSWORD": PASSWORD,
        }


def run(words: list[str], environ: dict[str, str]) -> str:
    done = subprocess.run(
        words,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


async def test_the_examples_run(places: dict[str, str]) -> None:
    shell = ["set -euo pipefail", *blocks("sh"), 'printf "\\n%s" "$ACCESS"']
    said = run(["bash", "-c", "\n".join(shell)], places)
    assert '"action":"key.revoke"' in said
    places["ACCESS"] = said.rpartition("\n")[2]
    assert places["ACCESS"].count(".") == 2
    given = "".join(f"{name} = {value!r}\n" for name, value in places.items())
    over_rest, over_grpc = blocks("python")
    assert run([sys.executable, "-c", given + over_rest], {}) == (
        "key.create from python\n"
    )
    listed = run([sys.executable, "-c", given + over_grpc], {})
    assert listed == "[('from python', True), ('web shop', False)]\n"


def test_the_roles_are_those_of_the_store() -> None:
    before: frozenset[str] = frozenset()
    for role in ("viewer", "member", "admin"):
        (row,) = re.findall(rf"^\| {role} \| (.*) \|$", PAGE, re.MULTILINE)
        assert set(re.findall(r"`([a-z:]+)`", row)) == ROLES[role] - before
        before = ROLES[role]


def test_the_figures_are_those_of_the_code() -> None:
    admitted = Doorkeeper.__init__.__defaults__
    assert admitted == (60, 10, 20)
    assert "60 attempts a minute" in PAGE
    assert "10 a minute for one" in PAGE
    assert "20 refreshes a minute" in PAGE
    assert (Authenticator.__init__.__kwdefaults__ or {})["trust"] == 30.0
    assert "at most 30 seconds" in PAGE
