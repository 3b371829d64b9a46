"""The tables of a run, and the verdict."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from typing import Final

from chaos.disasters import MOTOR
from chaos.disasters import Disaster
from chaos.journal import NO_ANSWER
from chaos.running import Outcome

RECOVERY_SEC: Final = 5.0
AVAILABILITY: Final = 0.999


def tables(outcome: Outcome) -> Iterator[str]:
    """Lines of what happened and what came of it."""
    yield from _disasters(outcome)
    yield ""
    yield from _experiments(outcome)
    yield ""
    yield from _answers(outcome)
    yield ""
    yield from _spike(outcome)


def _disasters(outcome: Outcome) -> Iterator[str]:
    yield "| what happened | times | recovery, median | longest | selects answered |"
    yield "|---|---:|---:|---:|---:|"
    for name, some in _by_name(outcome.disasters).items():
        seconds = [one.seconds for one in some]
        yield (
            f"| {name} | {len(some)} | {statistics.median(seconds):.2f} s "
            f"| {max(seconds):.2f} s | {availability(outcome, name):.3%} |"
        )
    made = ", ".join(
        f"{count} {what}" for what, count in sorted(outcome.changes.items())
    )
    yield ""
    yield f"Meanwhile: {made}."


def _experiments(outcome: Outcome) -> Iterator[str]:
    columns = "generation | arms | began with | tokens | learned | late | bits"
    yield f"| experiment | {columns} |"
    yield "|---|---:|---:|---:|---:|---:|---:|---|"
    for one in outcome.findings:
        yield (
            f"| {one.subject.name}, {one.subject.kind} | {one.generation} | {one.arms} "
            f"| {one.base:,} | {one.tokens:,} | {one.learned:,} | {one.late:,} "
            f"| {'; '.join(one.faults) or 'equal'} |"
        )
    journal, counters = outcome.journal, outcome.counters
    yield ""
    yield (
        f"{journal.chosen.total():,} tokens, {journal.acknowledged.total():,} "
        f"acknowledged; the log: "
        + ", ".join(f"{count:,} {name}" for name, count in counters.items())
        + "."
    )
    yield (
        f"After the disasters {outcome.in_doubt:,} rewards were in doubt; "
        f"arms without acknowledged ≤ learned ≤ sent: {len(outcome.between)}."
    )


def _answers(outcome: Outcome) -> Iterator[str]:
    yield "| request | answer | times |"
    yield "|---|---|---:|"
    for (what, status), count in sorted(outcome.journal.answers.items()):
        yield f"| {what} | {'none' if status == NO_ANSWER else status} | {count:,} |"


def _spike(outcome: Outcome) -> Iterator[str]:
    spike = outcome.spike
    answers = ", ".join(
        f"{count:,} with {status}" for status, count in sorted(spike.answers.items())
    )
    yield (
        f"Spike: {spike.wanted:,} decisions wanted in {spike.seconds:.1f} s, "
        f"{spike.asked:,} sent, answered {answers or 'nothing'}; "
        f"all rewards acknowledged and learned {outcome.drained_sec:.1f} s later."
    )


def faults(outcome: Outcome) -> list[str]:
    """What must not be, however slow the machine is."""
    found = [*outcome.faults, *outcome.between]
    for one in outcome.findings:
        found += [f"{one.subject.name}: {fault}" for fault in one.faults]
    if outcome.journal.open:
        found.append(f"{len(outcome.journal.open)} rewards were not acknowledged")
    return found


def delays(outcome: Outcome) -> list[str]:
    """What took longer than promised."""
    found = [
        f"{one.name}: recovered after {one.seconds:.2f} s"
        for one in outcome.disasters
        if one.seconds > RECOVERY_SEC
    ]
    if (share := availability(outcome, MOTOR)) < AVAILABILITY:
        found.append(f"{share:.3%} of the selects answered with one motor killed")
    return found


def availability(outcome: Outcome, name: str) -> float:
    """The share of selects that were answered while something recovered."""
    spans = [
        outcome.journal.share(one.start, one.end)
        for one in outcome.disasters
        if one.name == name
    ]
    asked = sum(asked for _, asked in spans)
    return sum(answered for answered, _ in spans) / asked if asked else 1.0


def _by_name(disasters: list[Disaster]) -> dict[str, list[Disaster]]:
    found: dict[str, list[Disaster]] = {}
    for one in disasters:
        found.setdefault(one.name, []).append(one)
    return dict(sorted(found.items()))
