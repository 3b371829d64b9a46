"""The machine that figures are of, and the revision that was measured."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Final

import psutil

ROOT: Final = Path(__file__).resolve().parents[1]
LIBRARIES: Final = ("granian", "grpcio", "uvloop", "numpy", "numba")


def facts() -> dict[str, str]:
    """What a reader has to know."""
    return {
        "cpu": _cpu(),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "libraries": ", ".join(
            f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES
        ),
        "revision": _revision(),
    }


def sentence(machine: dict[str, str]) -> str:
    """The facts in one line."""
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory']}, "
        f"{machine['system']}, Python {machine['python']}, {machine['libraries']}; "
        f"revision {machine['revision']}"
    )


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return platform.machine()


def _revision() -> str:
    made = _git("rev-parse", "--short=10", "HEAD")
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return f"{made or 'unknown'}{' and changes' if changed else ''}"


def _git(*arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
