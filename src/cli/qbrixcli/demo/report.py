"""What the demo says at the end of each part."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from qbrixcli.demo.audience import Audience
from qbrixcli.demo.audience import Visits
from qbrixcli.demo.part import Replay
from qbrixcli.demo.part import Visiting
from qbrixcli.demo.result import SURE
from qbrixcli.demo.result import Outcome
from qbrixcli.demo.result import behind
from qbrixcli.demo.result import outcome


def report_replay(part: Replay, console: Console) -> None:
    """How many logged outcomes could be used, and what that is worth."""
    for meter in part.meters:
        matches, clicks = int(meter.rewarded.sum()), int(meter.rewards.sum())
        console.print(
            f"{meter.label}: {part.turns:,} selects, {matches} chose the logged item,"
            f" {clicks} of them with a click",
            highlight=False,
        )
    console.print(
        "This is real input through every part of the system. With a click or two in"
        " what matches it says nothing about which policy is better.\n"
    )


def outcomes(
    part: Visiting, audience: Audience, visits: Visits
) -> tuple[list[Outcome], Outcome, Outcome]:
    """Each experiment, uniform choice and the best fixed arm on the same visits."""
    entrants = [
        outcome(meter.label, part.expected[index], int(meter.rewards.sum()))
        for index, meter in enumerate(part.meters)
    ]
    best = audience.best_item
    return (
        entrants,
        outcome("uniform", visits.rates.mean(axis=1)),
        outcome(f"best fixed: item-{best}", visits.rates[:, best]),
    )


def report_outcomes(
    entrants: Sequence[Outcome], uniform: Outcome, best: Outcome, console: Console
) -> None:
    """The table of expected click rates."""
    table = Table(
        title="expected click rate and its lead over uniform, %", title_justify="left"
    )
    table.add_column("decided by")
    for heading in ("rate", "s.e.", "lead", "in s.e.", "to best", "clicks"):
        table.add_column(heading, justify="right")
    for one in (*entrants, uniform, best):
        reference = one is uniform or one is best
        table.add_row(
            one.label,
            f"{one.rate:.4%}"[:-1],
            f"{one.error:.4%}"[:-1],
            "" if one is uniform else f"{one.lead(uniform):+.4%}"[:-1],
            "" if reference else f"{one.lead_in_errors(uniform):+.1f}",
            "" if one is best else f"{one.lead(best):+.4%}"[:-1],
            "" if one.clicks is None else f"{one.clicks:,}",
        )
    console.print(table)
    console.print(
        "The audience's click rates are known, so each decision counts with its"
        " expected rate; s.e. by 100 batch means, widened by the learning inside the"
        " run. Item means are those of the log: on 115 clicks the best of 34 flatters"
        " itself. User groups differ little there, so features buy LinUCB little.",
        style="dim",
    )


def verdict(entrants: Sequence[Outcome], uniform: Outcome, console: Console) -> int:
    """Exit code: 0 if every experiment leads uniform for sure, else 1."""
    late = behind(entrants, uniform)
    for one in late:
        console.print(
            f"{one.label} does not lead uniform by more than {SURE:.0f} standard"
            f" errors: {one.lead(uniform):+.4%} is {one.lead_in_errors(uniform):+.1f}",
            style="bold red",
        )
    if not late:
        console.print(
            f"both experiments lead uniform by more than {SURE:.0f} standard errors",
            style="bold green",
        )
    return 1 if late else 0
