"""Select against policies, arms and features, in turns."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.load import load
from bench.sheet import Length
from bench.sheet import Sheet
from bench.system.experiments import Kind
from bench.system.experiments import new_target
from bench.system.place import started
from bench.system.turns import Runner
from bench.system.turns import ratio
from bench.system.turns import take_turns

CONNECTIONS: Final = 32
BETA, UCB, LINEAR = "BetaTSPolicy", "UCB1TunedPolicy", "LinUCBPolicy"
FIRST: Final = Kind(BETA, 10)
KINDS: Final = (
    FIRST,
    Kind(BETA, 100),
    Kind(BETA, 1_000),
    Kind(UCB, 10),
    Kind(UCB, 100),
    Kind(UCB, 1_000),
    Kind(LINEAR, 10, 16),
    Kind(LINEAR, 10, 64),
)
# what a figure is called, of which kind, beside which other
ASKED: Final = (
    ("beta 1000", Kind(BETA, 1_000), FIRST),
    ("ucb 1000", Kind(UCB, 1_000), Kind(UCB, 10)),
    ("linucb", Kind(LINEAR, 10, 16), FIRST),
)


async def measure(length: Length, sheet: Sheet) -> None:
    """A row for each kind of experiment."""
    table = sheet.table(
        f"Policies, arms and features, {CONNECTIONS} connections",
        *("policy, arms × features", "× BetaTS 10", "select/s", "p50, p99, p99.9 ms"),
        "CPU µs a select",
    )
    async with started() as place:
        runners = {}
        for kind in KINDS:
            target = await new_target(place, kind)
            await load(target, CONNECTIONS, 1)
            runners[kind.name] = Runner(
                partial(load, target, CONNECTIONS, length.short), place.groups()
            )
        seen = await take_turns(runners, length.rounds)
    for kind in KINDS:
        one = seen[kind.name]
        beside = f"{ratio(one, seen[FIRST.name]):.3f}"
        figures = [beside, f"{one.rate:,.0f}", one.latencies(), one.costs()]
        table.rows.append([kind.name, *figures])
    for name, kind, other in ASKED:
        sheet.values[name] = ratio(seen[kind.name], seen[other.name])
