"""The figures as tables."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from bench.peers.problem import BETA
from bench.peers.problem import LEARN
from bench.peers.problem import LINEAR

TITLES = {
    LINEAR: "One decision of a linear policy (10 arms, 10 features)",
    BETA: "One decision of Beta Thompson sampling (10 arms)",
    LEARN: "One reward of a linear policy, of 1,000 learned",
}


@dataclass(slots=True)
class Row:
    """The rounds of one task of one library."""

    library: str
    version: str
    kind: str
    how: str
    rounds: list[dict[str, float]] = field(default_factory=list)

    def median(self, figure: str) -> float:
        """Over the rounds."""
        return statistics.median(one[figure] for one in self.rounds)


def render(rows: list[Row], ours: str, absent: dict[str, str]) -> str:
    """Everything, as markdown."""
    parts = ["\n".join(machine())]
    for kind, title in TITLES.items():
        chosen = [row for row in rows if row.kind == kind]
        parts.append(f"## {title}\n\n" + "\n".join(_table(chosen, ours, kind)))
    parts += [f"{name} is not here: {why}" for name, why in absent.items()]
    return "\n\n".join(parts) + "\n"


def _table(rows: list[Row], ours: str, kind: str) -> Iterator[str]:
    base = next(row for row in rows if row.library == ours)
    gain = kind != LEARN
    won = " gain won |" if gain else ""
    yield f"| library | how | CPU µs | times ours | wall µs | times ours |{won}"
    yield "|---|---|---:|---:|---:|---:|" + ("---:|" if gain else "")
    for row in sorted(rows, key=lambda row: row.median("cpu")):
        cells = [f"{row.library} {row.version}", row.how]
        for figure in ("cpu", "wall"):
            took = row.median(figure)
            cells += [f"{took * 1e6:.2f}", f"{took / base.median(figure):.1f}"]
        if gain:
            cells.append(f"{row.median('gain'):.0%}")
        yield "| " + " | ".join(cells) + " |"


def machine() -> Iterator[str]:
    """What the figures were measured on."""
    model = platform.processor() or platform.machine()
    known = Path("/proc/cpuinfo")
    for line in known.read_text().splitlines() if known.exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    yield f"- {model}, {os.cpu_count()} cores, shared with other work"
    yield f"- {platform.system()} {platform.machine()}"
    yield f"- CPython {platform.python_version()}, one thread a library"
