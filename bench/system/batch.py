"""Batches of selections over REST: decisions a second."""

from __future__ import annotations

from functools import partial
from typing import Final

from bench.load import Target
from bench.load import load
from bench.sheet import Length
from bench.sheet import Sheet
from bench.system.asking import batch_body
from bench.system.experiments import BATCH
from bench.system.experiments import make
from bench.system.experiments import select_target
from bench.system.place import started
from bench.system.turns import Runner
from bench.system.turns import take_turns

AIM: Final = (64, 8)
# contexts in a batch, and connections; no batch is a select
CASES: Final = ((0, 8), (1, 8), (8, 8), (64, 1), AIM, (100, 8))


async def measure(length: Length, sheet: Sheet) -> None:
    """A row for each size, and for single selects."""
    table = sheet.table(
        "Batches over REST",
        *("request", "connections", "decisions/s", "p50, p99, p99.9 ms of a request"),
        "CPU µs a decision",
    )
    async with started() as place:
        [experiment] = await make(place)
        runners, targets = {}, {}
        for size, connections in CASES:
            target = select_target(place, experiment)
            if size:
                body = batch_body(experiment, size)
                target = Target(place.url + BATCH, body, place.headers)
            targets[size, connections] = target
        for (size, connections), target in targets.items():
            await load(target, connections, 1)
            runners[f"{size} {connections}"] = Runner(
                partial(load, target, connections, length.short),
                place.groups(),
            )
        seen = await take_turns(runners, length.rounds)
    for size, connections in CASES:
        one, share = seen[f"{size} {connections}"], max(size, 1)
        costs = ", ".join(
            f"{name} {one.micros(name) / share:.1f}" for name in ("proxy", "motor")
        )
        name = f"select:batch of {size}" if size else "select"
        rate = one.rate * share
        table.rows.append(
            [name, str(connections), f"{rate:,.0f}", one.latencies(), costs]
        )
        if (size, connections) == AIM:
            sheet.values["batch"] = rate
