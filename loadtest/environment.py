"""The environment that locust is installed in, apart from our own: it brings gevent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".load-venv"
PYTHON = VENV / "bin" / "python"
PINS = Path(__file__).with_name("requirements.txt")
INSTALL_SEC = 600


def install() -> None:
    """Install what is pinned. Raises subprocess.SubprocessError."""
    uv = Path(sys.executable).with_name("uv")
    if not PYTHON.exists():
        command = [uv, "venv", "--quiet", "--python", sys.executable, VENV]
        subprocess.run(command, check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--require-hashes", "-r", PINS],
        env={**os.environ, "VIRTUAL_ENV": str(VENV)},
        timeout=INSTALL_SEC,
        check=True,
    )
