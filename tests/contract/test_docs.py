"""Every example of the pages about resources, run as it stands on a real system.

A page is one session, its fenced blocks run in the order in which they are written:

- ``bash`` blocks are one shell (``set -euo pipefail``): what one sets, the next has;
- a ``python`` block is a program of its own, run where the published client is
  installed, with ``qbrix`` and ``httpx``; one that imports ``qbrixproto`` is run where
  that is installed, with ``grpc``. Every variable that the shell has set so far is in
  its ``os.environ``;
- ``text`` blocks and all others are not run.

Given are ``QBRIX_URL`` (http://host:port), ``QBRIX_GRPC`` (host:port), an admin's
``QBRIX_API_KEY``, ``QBRIX_EMAIL`` and ``QBRIX_PASSWORD``, and ``QBRIX_BASE_URL``, which
is ``QBRIX_URL`` under the name that the client reads. A page has a tenant of its own.
A block whose last line is a comment ``# prints: …`` must print exactly that, last.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest
from tests.contract.place import Place
from tests.published import ROOT
from tests.published import published_python
from tests.published import run

DOCS = ROOT / "docs"
# run by tests of their own, in other ways
ELSEWHERE = {"auth.md", "library.md"}
RESOURCES = {"pools", "experiments", "gates", "agent", "policies", "insight"}

BLOCK = re.compile(r"^```(bash|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMISE = re.compile(r"^# prints: (.*)\n\Z", re.MULTILINE)
MARK = "=== block {} ==="


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of what is run."""
    return BLOCK.findall(page.read_text())


PAGES = [
    page
    for page in sorted(DOCS.glob("*.md"))
    if page.name not in ELSEWHERE and blocks(page)
]


def script(page: Path) -> str:
    """The whole page as one program for a shell."""
    parts = ["set -euo pipefail", "set -a"]
    for index, (language, text) in enumerate(blocks(page)):
        if language == "python":
            python = "$OURS" if "qbrixproto" in text else "$PYTHON"
            text = f'"{python}" -c {shlex.quote(text)}\n'
        parts.append(f"{text}printf '\\n%s\\n' {shlex.quote(MARK.format(index))}")
    return "\n".join(parts)


def test_every_resource_has_a_page() -> None:
    assert {page.stem for page in PAGES} >= RESOURCES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_examples_run(page: Path, place: Place) -> None:
    person = place.register()
    said = run(
        ["bash", "-c", script(page)],
        {
            "QBRIX_URL": place.http,
            "QBRIX_BASE_URL": place.http,
            "QBRIX_GRPC": place.grpc,
            "QBRIX_API_KEY": person.key,
            "QBRIX_EMAIL": person.email,
            "QBRIX_PASSWORD": person.password,
            "PYTHON": str(published_python()),
            "OURS": sys.executable,
        },
    )
    for index, (_, text) in enumerate(blocks(page)):
        printed, mark, said = said.partition(f"\n{MARK.format(index)}\n")
        assert mark, "the session ended early"
        promised = PROMISE.search(text)
        if promised is not None:
            assert printed.rstrip("\n").splitlines()[-1] == promised[1]
