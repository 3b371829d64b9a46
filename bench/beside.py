"""Parts in processes of their own: micro-benchmarks, delay, other libraries."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any
from typing import Final

import msgspec
from bench.load import output
from bench.machine import ROOT
from bench.sheet import Length
from bench.sheet import Sheet

BESIDE: Final = ("micro", "delay", "peers")
PEERS: Final = ROOT / "bench" / "results" / "peers.md"
SHOWN: Final = 2_000  # characters of what a command says that fails
# seconds for each benchmark, so that all take three minutes together
FULL_SECONDS: Final = "0.4"
QUICK_SECONDS: Final = "0.02"


async def micro(length: Length, sheet: Sheet) -> None:
    """The micro-benchmarks; raises RuntimeError, with what there is, if any fails."""
    seconds = QUICK_SECONDS if length.quick else FULL_SECONDS
    with tempfile.TemporaryDirectory(prefix="qbrix-bench-") as directory:
        path = Path(directory) / "benchmarks.json"
        said = await output(
            *(sys.executable, "-m", "pytest", "bench", "--benchmark-only"),
            *(f"--benchmark-max-time={seconds}", "--benchmark-min-rounds=3"),
            *(f"--benchmark-json={path}", "--benchmark-quiet", "--tb=short"),
        )
        text = path.read_bytes() if path.exists() else b""
    if text:
        found = msgspec.json.decode(text)["benchmarks"]
        sheet.benchmarks = [_reduced(one) for one in found]
    if said.code:
        raise RuntimeError(f"pytest said: {said.text.strip()[-SHOWN:]}")


def _reduced(one: dict[str, Any]) -> dict[str, Any]:
    """Without each single time that was taken."""
    stats = {name: one["stats"][name] for name in ("median", "iqr", "rounds")}
    return {
        "fullname": one["fullname"],
        "stats": stats,
        "extra_info": one["extra_info"],
    }


async def delay(length: Length, sheet: Sheet) -> None:
    """What delayed learning loses."""
    quick = ("--horizon", "2000", "--runs", "2") if length.quick else ()
    await _module(sheet, "bench.delay", *quick)


async def peers(length: Length, sheet: Sheet) -> None:
    """The same problem solved with other libraries."""
    quick = ("--rounds", "1") if length.quick else ()
    await _module(sheet, "bench.peers", *quick, note=False)
    sheet.note(PEERS.read_text().strip())


async def _module(sheet: Sheet, name: str, *given: str, note: bool = True) -> None:
    said = await output(sys.executable, "-m", name, *given)
    if said.code:
        raise RuntimeError(f"{name} said: {said.text.strip()[-SHOWN:]}")
    if note:
        sheet.note(said.text.strip())
