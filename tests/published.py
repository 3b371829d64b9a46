"""The published client's environment: its own interpreter, with nothing of ours."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "tests" / "system" / "client-requirements.txt"
ENVIRONMENT = ROOT / ".client-venv"


def published_python() -> Path:
    """An interpreter with the client, set up once for these requirements."""
    python = ENVIRONMENT / "bin" / "python"
    stamp = ENVIRONMENT / "requirements"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()
    with REQUIREMENTS.open() as shared:
        # several test processes may want it at the same time
        fcntl.flock(shared, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.read_text() != wanted:
            shutil.rmtree(ENVIRONMENT, ignore_errors=True)
            uv = shutil.which("uv", path=Path(sys.executable).parent) or "uv"
            run([uv, "venv", "--quiet", "--python", sys.executable, str(ENVIRONMENT)])
            install = [uv, "pip", "install", "--quiet", "--python", str(python)]
            run([*install, "--require-hashes", "-r", str(REQUIREMENTS)])
            stamp.write_text(wanted)
    return python


def run(words: list[str], environ: Mapping[str, str] | None = None) -> str:
    """What a command printed. Fails with what it complained about."""
    done = subprocess.run(
        words,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout
