"""Rounds that alternate, so that whatever else the machine does hits all alike."""

from __future__ import annotations

import statistics
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from typing import NamedTuple

from bench.load import Round
from bench.processes import Group
from bench.processes import cpu


async def nothing() -> None:
    """No preparation."""


class Runner(NamedTuple):
    """One round of something, and the processes whose CPU time it costs.

    What ``prepare`` does before each round is not measured.
    """

    run: Callable[[], Awaitable[Round]]
    groups: Mapping[str, Group]
    prepare: Callable[[], Awaitable[None]] = nothing


class Seen:
    """The rounds of one runner."""

    def __init__(self) -> None:
        self.rounds: list[Round] = []
        self._spent: dict[str, float] = {}

    def add(self, one: Round, spent: Mapping[str, float]) -> None:
        """One round more, and what it cost."""
        self.rounds.append(one)
        for name, seconds in spent.items():
            self._spent[name] = self._spent.get(name, 0.0) + seconds

    @property
    def rate(self) -> float:
        """Requests a second, the median."""
        return statistics.median(one.rate for one in self.rounds)

    @property
    def p50(self) -> float:
        """Milliseconds, the median."""
        return statistics.median(one.p50 for one in self.rounds)

    @property
    def p99(self) -> float:
        """Milliseconds, the median."""
        return statistics.median(one.p99 for one in self.rounds)

    @property
    def p999(self) -> float:
        """Milliseconds, the median."""
        return statistics.median(one.p999 for one in self.rounds)

    @property
    def total(self) -> int:
        """Requests of all rounds."""
        return sum(one.total for one in self.rounds)

    def micros(self, name: str) -> float:
        """Microseconds of CPU time a request."""
        return self._spent[name] / self.total * 1e6

    def latencies(self) -> str:
        """For a table: p50, p99 and p99.9."""
        return f"{self.p50:.3f}, {self.p99:.2f}, {self.p999:.2f}"

    def costs(self) -> str:
        """For a table: CPU time a request of each group."""
        return ", ".join(f"{name} {self.micros(name):.1f}" for name in self._spent)


async def take_turns(runners: Mapping[str, Runner], rounds: int) -> dict[str, Seen]:
    """So many rounds of each; every other one the other way round."""
    seen = {name: Seen() for name in runners}
    for number in range(rounds):
        names = list(runners) if number % 2 == 0 else list(runners)[::-1]
        for name in names:
            runner = runners[name]
            await runner.prepare()
            before = cpu(runner.groups)
            done = await runner.run()
            after = cpu(runner.groups)
            seen[name].add(done, {n: after[n] - before[n] for n in after})
    return seen


def ratio(ours: Seen, theirs: Seen) -> float:
    """The rate of one by that of the other: the median of their rounds' ratios."""
    pairs = zip(ours.rounds, theirs.rounds, strict=True)
    return statistics.median(our.rate / their.rate for our, their in pairs)


def slower(ours: Seen, theirs: Seen) -> float:
    """The p50 of one by that of the other, likewise."""
    pairs = zip(ours.rounds, theirs.rounds, strict=True)
    return statistics.median(our.p50 / their.p50 for our, their in pairs)
