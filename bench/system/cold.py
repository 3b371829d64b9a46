"""What the first select of an experiment takes that nobody asked for before."""

from __future__ import annotations

import statistics
import time
from typing import Final

from bench.sheet import Length
from bench.sheet import Sheet
from bench.sheet import percentile
from bench.system.asking import ask
from bench.system.experiments import SELECT
from bench.system.experiments import copies
from bench.system.experiments import make
from bench.system.experiments import select_body
from bench.system.place import started

from qbrixcli.demo.wire import Connection

COUNT: Final = 300
WARM: Final = 300


async def measure(length: Length, sheet: Sheet) -> None:
    """First selects and second ones over one connection."""
    count = 30 if length.quick else COUNT
    async with started() as place, Connection(place.url, place.key) as pipe:

        async def select(experiment: str) -> float:
            body = select_body(experiment)
            start = time.perf_counter()
            await ask(pipe, SELECT, body)
            return 1e3 * (time.perf_counter() - start)

        [model] = await make(place)
        for _ in range(WARM):
            await select(model)
        ids = await copies(place, model, count)
        pairs = [(await select(one), await select(one)) for one in ids]
    added = sorted(first - second for first, second in pairs)
    table = sheet.table(
        f"The first select of each of {count} experiments, and the second",
        *("", "p50 ms", "p99 ms", "most ms"),
    )
    firsts, seconds = (sorted(column) for column in zip(*pairs, strict=True))
    for name, column in (("first", firsts), ("second", seconds), ("added", added)):
        shown = [statistics.median(column), percentile(column, 0.99), column[-1]]
        table.rows.append([name, *(f"{value:.2f}" for value in shown)])
    sheet.values["cold"] = percentile(added, 0.99)
