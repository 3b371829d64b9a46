"""Builds the image of each service: ``build.py [--base IMAGE] [-- options]``.

With docker or, where no daemon of that answers, with buildah; options after ``--`` are
handed to it. Exits with 2 and one line if there is neither.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
TARGETS: Final = ("proxy", "motor", "cortex", "cli")
MISSING: Final = (
    "neither a docker daemon nor buildah is here: install one to build images"
)


def main(arguments: Sequence[str]) -> int:
    """Exit code of the first build that fails, or 0."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base", help="what the images are made from")
    parser.add_argument("--target", choices=TARGETS, action="append")
    parser.add_argument("options", nargs="*", help="for docker or buildah")
    given = parser.parse_args(arguments)
    program = builder()
    if program is None:
        print(MISSING, file=sys.stderr)
        return 2
    base = [f"--build-arg=BASE={given.base}"] if given.base else []
    for target in given.target or TARGETS:
        tag = f"qbrix/{target}:{version()}"
        print(f"building {tag}", flush=True)
        built = subprocess.run(
            [*program, "--target", target, "--tag", tag]
            + [f"--build-arg=VERSION={version()}", *base, *given.options, str(ROOT)]
        )
        if built.returncode:
            return built.returncode
    return 0


def builder() -> list[str] | None:
    """The command that builds; None if there is none."""
    if shutil.which("docker"):
        asked = subprocess.run(["docker", "version"], capture_output=True)
        if asked.returncode == 0:
            return ["docker", "build"]
    # healthchecks are lost in the format that it would choose
    if shutil.which("buildah"):
        return ["buildah", "build", "--format", "docker", "--layers"]
    return None


def version() -> str:
    """Of this tree."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
