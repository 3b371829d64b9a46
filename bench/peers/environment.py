"""The environment the peers are installed in, apart from our own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".peers-venv"
PYTHON = VENV / "bin" / "python"
PINS = Path(__file__).with_name("requirements.txt")
PEERS = (
    "mabwiser",
    "contextualbandits",
    "river",
    "bayesianbandits",
    "vowpalwabbit",
)
INSTALL_SEC = 1_800


def install() -> dict[str, str]:
    """Install each peer at its pinned version; why not, by name, where that failed."""
    uv = Path(sys.executable).with_name("uv")
    if not PYTHON.exists():
        command = [uv, "venv", "--quiet", "--python", sys.executable, VENV]
        subprocess.run(command, check=True)
    return {peer: why for peer in PEERS if (why := _install(uv, peer))}


def _install(uv: Path, peer: str) -> str:
    # one by one: a peer that must be compiled and cannot be leaves the others usable
    done = subprocess.run(
        [uv, "pip", "install", "--quiet", "--constraint", PINS, peer],
        env={**os.environ, "VIRTUAL_ENV": str(VENV)},
        capture_output=True,
        text=True,
        timeout=INSTALL_SEC,
        check=False,
    )
    said = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return "" if done.returncode == 0 else " / ".join(said[-3:]) or "unknown"
