"""Lists the licences of all pinned packages, and looks for known vulnerabilities.

``audit.py`` exits with 1 when a package has a licence that is not known to be
permissive, or a known vulnerability, unless ``exceptions.toml`` gives a reason. Where
the service that knows vulnerabilities cannot be reached it says so, and goes on.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
LOCK: Final = ROOT / "requirements.lock"
EXCEPTIONS: Final = Path(__file__).with_name("exceptions.toml")
PROGRAMS: Final = Path(sys.executable).parent
SERVICE_SEC: Final = 5
# licences by which the whole may be passed on, as packages spell them
PERMISSIVE: Final = frozenset(
    """0BSD Apache-2.0 BSD-2-Clause BSD-3-Clause CC0-1.0 ISC MIT MIT-0 MIT-CMU MPL-2.0
    PSF-2.0 Zlib""".split()
)
SPELLINGS: Final = {
    "3-Clause BSD License": "BSD-3-Clause",
    "Apache Software License": "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def main() -> int:
    """0 if nothing is wrong."""
    allowed = tomllib.loads(EXCEPTIONS.read_text())
    wrong = [*licences(allowed["licences"]), *known(allowed["vulnerabilities"])]
    for problem in wrong:
        print(f"wrong: {problem}")
    return 1 if wrong else 0


def licences(allowed: dict[str, str]) -> Iterator[str]:
    """Prints them; yields what is wrong."""
    listed = _read(
        "pip-licenses", "--python", ROOT / ".venv/bin/python", "--from=mixed"
    )
    packages: dict[str, list[str]] = defaultdict(list)
    unused = dict(allowed)
    for one in listed:
        name, licence = one["Name"], one["License"].split("\n")[0]
        packages[licence].append(f"{name} {one['Version']}")
        if unused.pop(name, None) is None and not permissive(licence):
            yield f"the licence of {name}, {licence}, is not known to be permissive"
    print(f"licences of {len(listed)} packages:")
    for licence, names in sorted(packages.items()):
        print(f"  {licence}: {', '.join(names)}")
    for name, reason in allowed.items():
        print(f"  let pass: {name} ({reason})")
    yield from (f"no {name} is installed: forget its exception" for name in unused)


def permissive(licence: str) -> bool:
    """Whether all that the text names are licences that we know."""
    parts = re.split(r" AND | OR |; ", licence)
    return all(SPELLINGS.get(part, part) in PERMISSIVE for part in parts)


def known(allowed: dict[str, str]) -> Iterator[str]:
    """Prints what the service says; yields vulnerabilities without an exception."""
    try:
        with tempfile.NamedTemporaryFile("w") as probe:
            # a service that knows no package would be asked for each of them
            probe.write(LOCK.read_text().split(" ", 1)[0])
            probe.flush()
            reached = any("vulns" in one for one in _audited(probe.name, "--no-deps"))
        found = _audited(LOCK, "--require-hashes") if reached else []
    except (subprocess.SubprocessError, ValueError) as error:
        reached, found = False, []
        print(f"pip-audit: {error}")
    if not reached:
        print("vulnerabilities: NOT LOOKED FOR, the service is out of reach from here")
        return
    print(f"vulnerabilities of {len(found)} packages:")
    unused = dict(allowed)
    for one in found:
        for vulnerability in one.get("vulns", ()):
            name = vulnerability["id"]
            fixed = ", ".join(vulnerability["fix_versions"]) or "nothing yet"
            text = f"{name} in {one['name']} {one['version']}, fixed by {fixed}"
            print(f"  {text}")
            if unused.pop(name, None) is None:
                yield text
        if "skip_reason" in one:
            print(f"  not known: {one['skip_reason']}")
    yield from (f"{name} is not found: forget its exception" for name in unused)


def _audited(file: Path | str, *options: str) -> list[dict[str, Any]]:
    answer = _read(
        "pip-audit", "-r", file, *options, "--disable-pip", "--progress-spinner=off",
        "--timeout", str(SERVICE_SEC),
    )  # fmt: skip
    found: list[dict[str, Any]] = answer["dependencies"]
    return found


def _read(program: str, *options: str | Path) -> Any:
    """What it prints as JSON. Raises SubprocessError, ValueError."""
    ran = subprocess.run(
        [PROGRAMS / program, *options, "--format", "json"],
        capture_output=True,
        text=True,
        timeout=600,
    )
    if not ran.stdout:
        raise ValueError((ran.stderr.strip().splitlines() or ["no answer"])[-1])
    return json.loads(ran.stdout)


if __name__ == "__main__":
    raise SystemExit(main())
