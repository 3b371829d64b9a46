"""Writes what the Python of each image is made of, as CycloneDX, to ``build/sbom``.

Each is installed by the very command that the Dockerfile has for it, so that packages
and versions are those of the image; the documents are validated as they are written.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
OUTPUT: Final = ROOT / "build" / "sbom"
PROGRAMS: Final = Path(sys.executable).parent
STEP: Final = re.compile(
    r"^FROM build AS build-(\w+)$.*?uv pip install (.*?[^\\])$",
    re.MULTILINE | re.DOTALL,
)


def main() -> int:
    """0; raises CalledProcessError if one cannot be made, or is not valid."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor() as pool:
        for said in pool.map(lambda step: _made(*step), steps()):
            print(said)
    return 0


def steps() -> list[tuple[str, str]]:
    """Each image, and what is said to ``uv pip install`` for it."""
    return STEP.findall((ROOT / "Dockerfile").read_text())


def _made(image: str, install: str) -> str:
    file = OUTPUT / f"{image}.cdx.json"
    with tempfile.TemporaryDirectory() as folder:
        _install(Path(folder), shlex.split(install.replace("\\\n", "")))
        _write(Path(folder), image, file)
    count = len(json.loads(file.read_bytes())["components"])
    return f"{file.relative_to(ROOT)}: {count} packages"


def _install(environment: Path, arguments: list[str]) -> None:
    uv = ROOT / ".venv" / "bin" / "uv"
    python = ROOT / ".venv" / "bin" / "python"
    command = [uv, "venv", "--quiet", "--clear", "--python", python, environment]
    subprocess.run(command, check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", *arguments],
        env={**os.environ, "VIRTUAL_ENV": str(environment), "UV_NO_SOURCES": "1"},
        cwd=ROOT,
        check=True,
    )


def _write(environment: Path, image: str, file: Path) -> None:
    [project] = ROOT.glob(f"*/{image}/pyproject.toml")
    of = [environment / "bin" / "python", "--pyproject", project]
    how = ["--mc-type", "application", "--output-reproducible", "--validate"]
    to = ["--output-format", "JSON", "--output-file", file]
    program = PROGRAMS / "cyclonedx-py"
    subprocess.run([program, "environment", *of, *how, *to], check=True)


if __name__ == "__main__":
    raise SystemExit(main())
