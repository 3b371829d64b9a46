"""Directories that every account may enter, and programs written on the spot."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import textwrap
from collections.abc import AsyncIterator
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path

import pytest

from qbrixcli.embedded.places import can_enter
from qbrixcli.embedded.places import server_account

ORDINARY = 65_534


@pytest.fixture
def directory() -> Iterator[Path]:
    """Pytest's own directories are closed to the account that runs postgres."""
    path = Path(tempfile.mkdtemp(prefix="qbrix-test-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def program(directory: Path) -> Callable[[str, str], dict[str, str]]:
    """Writes a module and returns the environment in which ``python -m`` finds it."""

    def write(name: str, text: str) -> dict[str, str]:
        (directory / f"{name}.py").write_text(textwrap.dedent(text))
        return {**os.environ, "PYTHONPATH": str(directory)}

    return write


def as_ordinary_user(command: list[str]) -> list[str]:
    """The command as somebody who is not root.

    An interpreter that only root can reach is lent the right to read, and no other.
    """
    if os.geteuid() != 0:
        return command
    drop = ["setpriv", f"--reuid={ORDINARY}", f"--regid={ORDINARY}", "--clear-groups"]
    if not can_enter(Path(sys.executable).resolve(), server_account()):
        drop += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    return [*drop, *command]


async def ticks() -> AsyncIterator[None]:
    """Moments to look again, until whoever looks is content."""
    while True:
        yield
        await asyncio.sleep(0.01)
