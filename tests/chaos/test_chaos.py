"""A short run of everything that ``make chaos`` does, with real processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHORT = {"rate": 150, "experiments": 9, "times": 1, "pause": 0.3, "spike": 1.5}
PATIENCE_SEC = 220


def test_every_reward_is_learned_once_whatever_is_killed() -> None:
    options = [f"--{name}={value}" for name, value in SHORT.items()]
    run = subprocess.run(
        # how long it takes is for a machine with nothing else to do
        [sys.executable, "-m", "chaos", "--seed=7", "--untimed", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE_SEC,
    )
    assert run.returncode == 0, run.stdout
    for happened in ("kill -9", "commit cut", "takes its place", "rollbacks", "Spike:"):
        assert happened in run.stdout
