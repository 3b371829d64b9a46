"""kill -9 while files are written, put together and trimmed: each row is there once."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from pathlib import Path

from tests.store.parquet.samples import PER_ENTRY
from tests.store.parquet.test_parts import read

ENTRIES = 4_000
KILLS = 3
# as a recorder does: the same entries again until they are known to be on disk
WRITER = """
import sys
from pathlib import Path
from tests.store.parquet.samples import rows
from qbrixstore.decisions import REWARDS
from qbrixstore.parquet.writing import DecisionFiles

root, trimmed, last = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
files = DecisionFiles(root)
start = int(trimmed.read_text() or 0) if trimmed.exists() else 0
while start < last:
    stop = min(start + 1 + start % 7, last)
    for day in files.write(REWARDS, rows(start, stop)):
        files.tidy(REWARDS, day)
    beside = trimmed.with_suffix(".new")
    beside.write_text(str(stop))
    beside.replace(trimmed)
    start = stop
"""


def writer(root: Path, trimmed: Path, last: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(root), str(trimmed), str(last)]
    )


def test_whoever_writes_may_be_killed_at_any_moment(tmp_path: Path) -> None:
    root, trimmed = tmp_path / "log", tmp_path / "trimmed"
    chance = random.Random(5)
    done = 0
    for _ in range(KILLS):
        process = writer(root, trimmed, ENTRIES)
        while process.poll() is None and not progressed(trimmed, done):
            time.sleep(0.001)
        time.sleep(chance.uniform(0.0, 0.1))
        process.kill()
        process.wait()
        done = int(trimmed.read_text())
    last = done + 10
    assert last < ENTRIES, "it was over before it was killed"
    assert writer(root, trimmed, last).wait() == 0
    found = asyncio.run(read(root)) + asyncio.run(read(root, "e1"))
    assert sorted(found) == [number / 8 for number in range(PER_ENTRY * last)]


def progressed(trimmed: Path, done: int) -> bool:
    return trimmed.exists() and int(trimmed.read_text()) > done
