"""Commands load only what they need, so that they answer at once."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "alembic",
    "grpc",
    "granian",
    "httpx",
    "litestar",
    "numba",
    "numpy",
    "proxysvc",
    "qbrixstore",
    "redis",
    "rich",
    "sqlalchemy",
)
PROGRAM = """
import sys
from qbrixcli.main import main
code = 0
try:
    code = main(sys.argv[2:])
except SystemExit as stopped:
    code = stopped.code
loaded = {name.partition(".")[0] for name in sys.modules}
print(code, *sorted(loaded & set(sys.argv[1].split(","))), file=sys.stderr)
"""


def loaded(*words: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, ",".join(HEAVY), *words],
        capture_output=True,
        text=True,
        check=True,
        env={"QBRIX_URL": "http://127.0.0.1:1", "HOME": "/nonexistent"},
    )
    return ran.stderr.splitlines()[-1].split()


@pytest.mark.parametrize("words", [("--help",), ("pool", "list", "--help")])
def test_help_loads_nothing(words: tuple[str, ...]) -> None:
    assert loaded(*words) == ["0"]


def test_a_mistake_loads_nothing() -> None:
    assert loaded("pool", "fly") == ["2"]


def test_a_call_loads_only_a_client() -> None:
    code, *modules = loaded("pool", "list")
    assert code == "1"
    # the client brings rich along where click is installed
    assert set(modules) - {"rich"} == {"httpx"}


def test_profiles_load_no_client() -> None:
    assert loaded("profile", "list") == ["0"]
