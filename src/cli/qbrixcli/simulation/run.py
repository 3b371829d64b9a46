"""Simulates one policy after the other, and shows each as soon as it is done."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

import numpy as np

from qbrixcli.simulation.given import given_contestant
from qbrixcli.simulation.given import given_problem
from qbrixcli.simulation.given import given_traffic
from qbrixcli.simulation.plot import plot
from qbrixcli.simulation.plot import require_matplotlib
from qbrixcore.simulation.curve import Curve
from qbrixcore.simulation.curve import spread_checkpoints
from qbrixcore.simulation.run import simulate

POINTS = 200


def run(options: argparse.Namespace) -> None:
    """Everything the command does. Raises StartError, QbrixError, OSError."""
    if options.plot is not None:
        require_matplotlib()
    problem, traffic = given_problem(options), given_traffic(options)
    horizon, runs = options.horizon, options.runs
    contestants = [given_contestant(text, problem, horizon) for text in options.policy]
    shown = spread_checkpoints(horizon).tolist()
    drawn = np.linspace(1, horizon, POINTS).astype(int).tolist()
    width = max(len(contestant.label) for contestant in contestants)
    curves: list[Curve] = []
    for contestant in contestants:
        [curve] = simulate(
            problem,
            [contestant],
            horizon,
            runs,
            traffic=traffic,
            checkpoints=[*shown, *drawn] if options.plot else shown,
            seed=options.seed,
        )
        if not options.json and not curves:
            print(headings(shown, width))
        curves.append(curve)
        print(as_json(curve, horizon) if options.json else as_row(curve, shown, width))
        sys.stdout.flush()
    if options.plot is not None:
        plot(curves, options.plot)


def headings(steps: Sequence[int], width: int) -> str:
    """The first line of the table."""
    cells = "".join(f"{f'regret at {step}':>22}" for step in steps)
    return f"{'policy':<{width}}{cells}"


def as_row(curve: Curve, steps: Sequence[int], width: int) -> str:
    """One line of the table: mean ± standard error."""
    at = np.searchsorted(curve.checkpoints, steps)
    means, errors = curve.mean[at], curve.stderr[at]
    cells = "".join(
        f"{f'{mean:.2f} ± {error:.2f}':>22}"
        for mean, error in zip(means, errors, strict=True)
    )
    return f"{curve.label:<{width}}{cells}"


def as_json(curve: Curve, horizon: int) -> str:
    """One object: cumulative pseudo-regret at the horizon."""
    return json.dumps(
        {
            "policy": curve.label,
            "regret": float(curve.mean[-1]),
            "stderr": float(curve.stderr[-1]),
            "horizon": horizon,
            "runs": len(curve.totals),
        }
    )
