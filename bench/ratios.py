"""Ratios of medians that were measured in turns."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from collections.abc import Sequence

import msgspec

WORTH_A_ROW = 0.05  # closer to 1 than this is not told apart


class Ratio(msgspec.Struct, frozen=True):
    """Seconds here and there, and the median of their ratios over the rounds."""

    name: str
    here: float
    there: float
    ratio: float


def ratios(
    here: Sequence[Mapping[str, float]], there: Sequence[Mapping[str, float]]
) -> list[Ratio]:
    """Of what was measured on both sides, in rounds that belong together."""
    pairs: dict[str, list[tuple[float, float]]] = {}
    for ours, theirs in zip(here, there, strict=True):
        for name in ours.keys() & theirs.keys():
            pairs.setdefault(name, []).append((ours[name], theirs[name]))
    return [
        Ratio(
            name,
            statistics.median(ours for ours, _ in seen),
            statistics.median(theirs for _, theirs in seen),
            statistics.median(ours / theirs for ours, theirs in seen),
        )
        for name, seen in sorted(pairs.items())
    ]


def render(found: Sequence[Ratio], revision: str, budget: float) -> str:
    """What differs as a markdown table, the slowest first."""
    over = sum(one.ratio > budget for one in found)
    overall = statistics.geometric_mean(one.ratio for one in found)
    lines = [
        f"{len(found)} benchmarks beside {revision}: {overall:.3f} times its CPU time "
        f"overall, {over} over the budget of {budget:g}",
        "",
    ]
    rows = [one for one in found if abs(one.ratio - 1) >= WORTH_A_ROW]
    if rows:
        lines += [
            f"| benchmark | here µs | {revision} µs | ratio |",
            "|---|---:|---:|---:|",
        ]
    for one in sorted(rows, key=lambda row: -row.ratio):
        mark = " **over**" if one.ratio > budget else ""
        lines.append(
            f"| {one.name.removeprefix('bench/')} | {one.here * 1e6:.2f} "
            f"| {one.there * 1e6:.2f} | {one.ratio:.3f}{mark} |"
        )
    return "\n".join(lines) + "\n"
