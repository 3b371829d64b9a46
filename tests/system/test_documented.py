"""The commands of the documentation, from nothing to a restored backup, as one session.

Every fenced ``sh`` block of the pages runs, in this order, in one bash
(``set -euo pipefail``) that starts in an empty home and knows the commands of this
environment and free ports. A block that cannot run there has a line in front of it,
``<!-- elsewhere: NAME: WHY -->``, and is listed by that name.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.published import ROOT
from tests.system.running import Up
from tests.system.running import scratch

PAGES = ("quickstart", "operations", "upgrade", "backup", "secrets")
BLOCK = re.compile(
    r"^(?:<!-- elsewhere: (?P<name>[\w-]+): (?P<why>[^\n]+) -->\n)?"
    r"```sh\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
FENCE = re.compile(r"^(?:    \S|```(?!sh$|text$)\S)", re.MULTILINE)
NOTED = re.compile(r"elsewhere:")
PATIENCE_SEC = 210
LAST = "=== that is all ===\n"
# also a session that fails stops in order what it had started
BEGIN = "set -euo pipefail\ntrap 'kill $(jobs -p) || true; wait' EXIT"
END = f"""
kill "$UP" && wait "$UP"
trap - EXIT
echo '{LAST.strip()}'
"""
# what no test machine has, or what a test is not to do to it
ELSEWHERE = {
    "install",
    "images",
    "image-tests",
    "compose",
    "compose-operator",
    "compose-upgrade",
    "helm-install",
    "helm-upgrade",
    "rollout",
    "kubernetes-dump",
    "fetch",
    "postgres-role",
    "redis-acl",
}


class Block(msgspec.Struct, frozen=True):
    """Commands of a page; named if they cannot run here."""

    page: str
    name: str | None
    why: str | None
    text: str


def text_of(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text()


BLOCKS = [
    Block(page, **found.groupdict())
    for page in PAGES
    for found in BLOCK.finditer(text_of(page))
]


@pytest.mark.parametrize("page", PAGES)
def test_no_command_of_a_page_escapes(page: str) -> None:
    text = text_of(page)
    assert not FENCE.search(BLOCK.sub("", text)), "not a block of sh or text"
    named = [one for one in BLOCKS if one.page == page and one.name]
    assert len(named) == len(NOTED.findall(text)), "a name without its block"


def test_what_cannot_run_here_is_listed_by_name() -> None:
    named = [one for one in BLOCKS if one.name]
    for one in named:
        print(f"{one.page}.md: {one.name} is not run: {one.why}")
    assert {one.name for one in named} == ELSEWHERE
    assert len(named) == len(ELSEWHERE)


def test_the_rest_runs_from_nothing_to_a_restored_backup(home: Path) -> None:
    steps = [one for one in BLOCKS if not one.name]
    marked = (f"echo '--- {one.page}.md'\n{one.text}" for one in steps)
    said = session("\n".join([BEGIN, *marked, END]), home)
    assert said.endswith(LAST), f"{said}\n{log(home)}"
    assert "1 experiments go on from snapshots" in said


def log(home: Path) -> str:
    file = home / "qbrix.log"
    return file.read_text()[-5_000:] if file.exists() else ""


def session(script: str, home: Path) -> str:
    """What it printed, on both channels, until it ended."""
    environ = {
        **Up(home).environ,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        # otherwise it is a minute until a backup knows what was learned
        "CORTEX_SNAPSHOT_INTERVAL_SEC": "1",
    }
    del environ["QBRIX_DATA_DIR"]
    process = subprocess.Popen(
        ["bash", "-c", script],
        cwd=home,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        said, _ = process.communicate(timeout=PATIENCE_SEC)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGTERM)
        said, _ = process.communicate()
    return said


@pytest.fixture
def home() -> Iterator[Path]:
    directory = scratch()
    yield directory
    shutil.rmtree(directory)
