"""The latest micro-benchmarks as a markdown table.

    python -m bench.table

Reads bench/results/latest.json, as pytest-benchmark wrote it, and writes latest.md.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

LATEST = Path(__file__).parent / "results" / "latest.json"


def render(run: dict[str, Any]) -> str:
    """A row for each benchmark: its median, and what was derived from it."""
    machine = run["machine_info"]
    made = run["commit_info"]
    lines = [
        f"{machine['cpu'].get('brand_raw', machine['machine'])}, "
        f"{machine['cpu']['count']} cores, Python {machine['python_version']}, "
        f"{run['datetime'][:10]}, revision {made['id'][:10]}"
        f"{' and changes' if made['dirty'] else ''}",
        "",
        "| benchmark | median µs | quartiles apart µs | derived |",
        "|---|---:|---:|---|",
    ]
    for one in run["benchmarks"]:
        stats = one["stats"]
        derived = ", ".join(
            f"{value:,.4g} {name.replace('_', ' ')}"
            for name, value in one["extra_info"].items()
        )
        name = one["fullname"].removeprefix("bench/")
        median, apart = stats["median"] * 1e6, stats["iqr"] * 1e6
        lines.append(f"| {name} | {median:,.2f} | {apart:,.2f} | {derived} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read, render, write, print."""
    text = render(msgspec.json.decode(LATEST.read_bytes()))
    LATEST.with_suffix(".md").write_text(text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
