"""What the README shows works as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
BLOCKS = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.M | re.S)


def test_the_library_example_finds_the_better_arm() -> None:
    [example] = [block for block in BLOCKS if "qbrixcore" in block]
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", example],
        capture_output=True,
        text=True,
        check=True,
    )
    green, blue = map(int, ran.stdout.strip(" []\n").split())
    assert green + blue == 1_000
    assert blue > 900
