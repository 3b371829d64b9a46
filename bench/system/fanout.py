"""A second motor, a second worker: what they cost where both cores are busy."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import Final

from bench.load import load
from bench.sheet import Length
from bench.sheet import Sheet
from bench.system.experiments import new_target
from bench.system.place import started
from bench.system.turns import Runner
from bench.system.turns import ratio
from bench.system.turns import take_turns

CONNECTIONS: Final = (32, 128)
AIM: Final = 32
# motors and workers of the systems that take turns; the first is what others are beside
SYSTEMS: Final = ((1, 1), (2, 1), (1, 2))
NAMES: Final = {(2, 1): "motors", (1, 2): "workers"}


async def measure(length: Length, sheet: Sheet) -> None:
    """A row for each system and number of connections; all of them run all the time."""
    table = sheet.table(
        "Motors and workers",
        *("motors", "workers", "connections", "× one of each", "select/s"),
        *("p50, p99, p99.9 ms", "CPU µs a select"),
    )
    async with AsyncExitStack() as stack:
        systems = {}
        for motors, workers in SYSTEMS:
            place = await stack.enter_async_context(
                started({"PROXY_HTTP_WORKERS": str(workers)}, motors)
            )
            systems[motors, workers] = place, await new_target(place)
        for connections in CONNECTIONS:
            runners = {}
            for (motors, workers), (place, target) in systems.items():
                await load(target, connections, 1)
                runners[f"{motors} {workers}"] = Runner(
                    partial(load, target, connections, length.short),
                    place.groups(),
                )
            seen = await take_turns(runners, length.rounds)
            for motors, workers in SYSTEMS:
                one = seen[f"{motors} {workers}"]
                beside = ratio(one, seen["1 1"])
                table.rows.append(
                    [
                        *(str(motors), str(workers), str(connections)),
                        *(f"{beside:.3f}", f"{one.rate:,.0f}", one.latencies()),
                        one.costs(),
                    ]
                )
                name = NAMES.get((motors, workers))
                if name is not None and connections == AIM:
                    sheet.values[name] = beside
