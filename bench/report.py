"""The latest run as markdown.

    python -m bench.report [docs/performance.md]

Prints it, or puts its system part between the markers of a file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any
from typing import Final

import msgspec
from bench.beside import BESIDE
from bench.machine import sentence
from bench.sheet import Sheet
from bench.targets import judged

RESULTS: Final = Path(__file__).parent / "results"
LATEST: Final = RESULTS / "latest.json"
BEGIN: Final = "<!-- the named run: begin -->"
END: Final = "<!-- the named run: end -->"


class Part(msgspec.Struct):
    """What became of one part; ``failed`` or ``skipped`` say why if it was."""

    at: str
    seconds: float
    sheet: Sheet
    failed: str = ""
    skipped: str = ""


class Run(msgspec.Struct):
    """What ``latest.json`` holds."""

    machine: dict[str, str]
    quick: bool
    parts: dict[str, Part]

    @property
    def values(self) -> dict[str, float]:
        """All figures that have targets."""
        return {
            name: value
            for part in self.parts.values()
            for name, value in part.sheet.values.items()
        }


def render(run: Run, beside: bool = True) -> str:
    """The machine, the targets, and what each part found.

    Without what is ``beside`` the system: micro-benchmarks and the like.
    """
    started = min(part.at for part in run.parts.values())
    length = "a quick run, which says little; " if run.quick else ""
    blocks = [f"{length}{started} UTC; {sentence(run.machine)}.", ""]
    if run.values:
        blocks.append(judged(run.values).render())
    for name, part in run.parts.items():
        if name in BESIDE and not beside:
            continue
        blocks.append(f"### {name}\n")
        if part.failed:
            blocks.append(f"**Failed**: {part.failed}\n")
        if part.skipped:
            blocks.append(f"Skipped: {part.skipped}\n")
        blocks.append(part.sheet.render())
        if part.sheet.benchmarks:
            blocks.append(benchmarks(part.sheet.benchmarks))
    return "\n".join(block.rstrip("\n") + "\n" for block in blocks if block)


def benchmarks(found: list[dict[str, Any]]) -> str:
    """A row for each micro-benchmark: its median, and what was derived from it."""
    lines = [
        "| benchmark | median µs | quartiles apart µs | derived |",
        "|---|---:|---:|---|",
    ]
    for one in found:
        stats = one["stats"]
        derived = ", ".join(
            f"{value:,.4g} {name.replace('_', ' ')}"
            for name, value in one["extra_info"].items()
        )
        name = one["fullname"].removeprefix("bench/")
        median, apart = stats["median"] * 1e6, stats["iqr"] * 1e6
        lines.append(f"| {name} | {median:,.2f} | {apart:,.2f} | {derived} |")
    return "\n".join(lines) + "\n"


def placed(text: str, block: str) -> str:
    """A text with another block between its markers. Raises ValueError."""
    head, begin, rest = text.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} and {END}")
    return f"{head}{begin}\n\n{block}\n{end}{tail}"


def main() -> None:
    """Read, render, print or place."""
    run = msgspec.json.decode(LATEST.read_bytes(), type=Run)
    if len(sys.argv) == 1:
        sys.stdout.write(render(run))
        return
    path = Path(sys.argv[1])
    path.write_text(placed(path.read_text(), render(run, beside=False)))


if __name__ == "__main__":
    main()
