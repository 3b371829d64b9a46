"""Regret curves with bands, drawn with matplotlib where it is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path

from qbrixcli.embedded.errors import StartError
from qbrixcore.simulation.curve import Curve


def require_matplotlib() -> None:
    """Raises StartError, before anything else takes its time."""
    if importlib.util.find_spec("matplotlib") is None:
        raise StartError("--plot needs matplotlib: pip install matplotlib")


def plot(curves: Sequence[Curve], path: Path) -> None:
    """Mean regret of each policy, and two standard errors around. Raises OSError."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for curve in curves:
        steps, mean, error = curve.checkpoints, curve.mean, 2 * curve.stderr
        [line] = axes.plot(steps, mean, label=curve.label)
        axes.fill_between(
            steps, mean - error, mean + error, color=line.get_color(), alpha=0.2, lw=0
        )
    axes.set_xlabel("steps")
    axes.set_ylabel("cumulative regret (± 2 standard errors)")
    axes.set_xlim(0, None)
    axes.set_ylim(0, None)
    axes.grid(alpha=0.3)
    axes.legend()
    try:
        figure.savefig(path)
    except ValueError as error:
        raise StartError(f"cannot draw {path}: {error}") from error
