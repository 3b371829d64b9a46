"""Estimates one policy after the other, all on the same rows."""

from __future__ import annotations

import argparse
import json

import msgspec

from qbrixcli.evaluation.given import Given
from qbrixcli.evaluation.given import Reals
from qbrixcli.evaluation.given import given_target
from qbrixcli.evaluation.given import learns
from qbrixcore.errors import Invalid
from qbrixcore.evaluation.estimate import Estimate
from qbrixcore.evaluation.estimate import doubly_robust
from qbrixcore.evaluation.estimate import effective_rows
from qbrixcore.evaluation.estimate import ips
from qbrixcore.evaluation.estimate import on_policy
from qbrixcore.evaluation.estimate import snips
from qbrixcore.evaluation.interval import Interval
from qbrixcore.evaluation.log import Log

LOGGED = "as logged"
METHODS = ("ips", "snips", "doubly_robust")
MEAN = "mean"


def run(options: argparse.Namespace) -> None:
    """Everything the command does. Raises QbrixError, OSError."""
    given = Given.read(options.log, options)
    past, rest = _split(given, options)
    interval = Interval(options.interval, options.level, options.seed)
    width = max(map(len, [LOGGED, *options.policy]))
    found: dict[str, Estimate] = {MEAN: on_policy(rest.log, interval)}
    show = as_json if options.json else as_row
    lines = [show(LOGGED, len(rest.log), len(rest.log), found, width)]
    for text in options.policy:
        target = given_target(text, past, rest, options)
        worth = effective_rows(rest.log, target)
        found = estimates(rest.log, target, interval)
        lines.append(show(text, len(rest.log), worth, found, width))
    if not options.json:
        print(headings(found, width))
    print("\n".join(lines))


def estimates(log: Log, target: Reals, interval: Interval) -> dict[str, Estimate]:
    """By the name of the method, those for which there is such an interval."""
    found = {"ips": ips(log, target, interval)}
    if interval.kind != "bernstein":
        found["snips"] = snips(log, target, interval)
        found["doubly_robust"] = doubly_robust(log, target, interval)
    return found


def headings(found: dict[str, Estimate], width: int) -> str:
    """The first line of the table."""
    cells = "".join(f"  {name.replace('_', ' '):<28}" for name in found)
    return f"{'policy':<{width}}{'worth rows':>12}{cells}".rstrip()


def as_row(
    name: str, rows: int, worth: float, found: dict[str, Estimate], width: int
) -> str:
    """One line of the table: value [low, high] of each method."""
    cells = "".join(
        f"  {f'{one.value:.5f} [{one.low:.5f}, {one.high:.5f}]':<28}"
        for one in found.values()
    )
    return f"{name:<{width}}{worth:>12.0f}{cells}".rstrip()


def as_json(
    name: str, rows: int, worth: float, found: dict[str, Estimate], width: int
) -> str:
    """One object: the estimates by their names."""
    values = {method: msgspec.to_builtins(one) for method, one in found.items()}
    return json.dumps({"policy": name, "rows": rows, "effective_rows": worth, **values})


def _split(given: Given, options: argparse.Namespace) -> tuple[Given, Given]:
    """What policies learn, and what all are evaluated on."""
    rows = len(given.log)
    if not any(map(learns, options.policy)):
        return given.rows(slice(0)), given
    cut = round(rows * options.train)
    if not 0 < cut < rows - 1:
        raise Invalid("the log must have rows to learn, and rows to evaluate")
    return given.rows(slice(cut)), given.rows(slice(cut, None))
