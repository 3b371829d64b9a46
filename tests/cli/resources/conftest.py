"""One running system, and the command line as a person uses it on that system."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.system.running import OURS
from tests.system.running import Up
from tests.system.running import scratch

from qbrixcli.main import main
from qbrixcli.resources.profiles import ProfileFile


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


class Shell:
    """Runs commands in this process, in an environment of this test's own."""

    def __init__(
        self, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path
    ) -> None:
        self._patch = patch
        self._capsys = capsys
        self.home = home
        self.file = ProfileFile.of({"XDG_CONFIG_HOME": str(home)})

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self._patch.setenv(name, value)

    def type(self, text: str) -> None:
        self._patch.setattr("sys.stdin", Terminal(text))

    def pipe(self, text: str) -> None:
        self._patch.setattr("sys.stdin", io.StringIO(text))

    def __call__(self, *words: str) -> str:
        """What a command printed that did what was asked."""
        self._capsys.readouterr()
        code = main(words)
        said = self._capsys.readouterr()
        assert code == 0, said.err
        return said.out

    def json(self, *words: str) -> Any:
        """The same as JSON."""
        return json.loads(self(*words, "--json"))

    def fails(self, *words: str, code: int = 1) -> str:
        """What a command said that did not."""
        self._capsys.readouterr()
        try:
            ended: object = main(words)
        except SystemExit as stopped:
            ended = stopped.code
        said = self._capsys.readouterr()
        assert ended == code, said
        assert said.out == ""
        return said.err


@pytest.fixture(scope="session")
def system() -> Iterator[Up]:
    up = Up(scratch())
    try:
        yield up.start()
    finally:
        up.put_away()


@pytest.fixture
def nobody(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> Shell:
    """Somebody without any profile or system."""
    for name in os.environ:
        if name.startswith(OURS):
            monkeypatch.delenv(name)
    shell = Shell(monkeypatch, capsys, tmp_path)
    shell.set(XDG_CONFIG_HOME=str(tmp_path), QBRIX_DATA_DIR=str(tmp_path / "none"))
    shell.pipe("")
    return shell


@pytest.fixture
def qbrix(nobody: Shell, system: Up) -> Shell:
    """Whoever started the system, and has its data directory."""
    nobody.set(QBRIX_DATA_DIR=str(system.directory / "data"))
    return nobody


@pytest.fixture
def pool(qbrix: Shell, unique: Callable[[], str]) -> dict[str, Any]:
    """A pool of two arms."""
    made = qbrix.json("pool", "create", unique(), "--arm", "green", "--arm", "blue")
    return dict(made)


@pytest.fixture
def experiment(
    qbrix: Shell, pool: dict[str, Any], unique: Callable[[], str]
) -> dict[str, Any]:
    """An experiment on that pool."""
    words = ("--pool", pool["id"], "--policy", "BetaTSPolicy")
    return dict(qbrix.json("experiment", "create", unique(), *words))


@pytest.fixture
def unique() -> Callable[[], str]:
    """Names that nobody else uses."""
    return lambda: f"thing-{os.urandom(6).hex()}"
