"""Select from one experiment, and from thousands as unevenly asked for as Zipf says."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Final

import numpy as np
from bench.load import Series
from bench.load import load
from bench.processes import largest
from bench.sheet import Length
from bench.sheet import Sheet
from bench.system.asking import ask
from bench.system.experiments import SELECT
from bench.system.experiments import copies
from bench.system.experiments import make
from bench.system.experiments import select_body
from bench.system.place import Place
from bench.system.place import started
from bench.system.turns import Runner
from bench.system.turns import ratio
from bench.system.turns import take_turns

from qbrixcli.demo.wire import Connection

CONNECTIONS: Final = 32
MANY: Final = 10_000
SIZES: Final = (1, 1_000, MANY)
SETTLED_SEC: Final = 5.0  # after which what was counted is stored
TRAFFIC: Final = 100_000  # requests until the order comes round
VARIABLES: Final = {
    # made in Redis alone: nobody is to compare them with Postgres meanwhile
    "PROXY_GATE_REDIS_TTL": "86400",
    # for the first select of each, all at once
    "PROXY_REQUEST_TIMEOUT_MS": "5000",
}


def series(place: Place, ids: list[str]) -> Series:
    """Requests for the nth experiment 1 / n as often as for the first."""
    shares = 1 / np.arange(1, len(ids) + 1)
    rng = np.random.default_rng(0)
    order = rng.choice(len(ids), TRAFFIC, p=shares / shares.sum()).tolist()
    bodies = [select_body(one) for one in ids]
    return Series(place.url + SELECT, bodies, place.headers, order)


async def visit(place: Place, whole: Series) -> None:
    """Select from every experiment once, so that all are in memory."""
    left = iter(whole.bodies)

    async def some() -> None:
        async with Connection(place.url, place.key) as pipe:
            for body in left:
                await ask(pipe, SELECT, body)

    await asyncio.gather(*(some() for _ in range(CONNECTIONS)))


async def measure(length: Length, sheet: Sheet) -> None:
    """A row for each number of experiments."""
    table = sheet.table(
        f"Numbers of experiments, Zipf traffic, {CONNECTIONS} connections",
        *("experiments", "× one", "select/s", "p50, p99, p99.9 ms", "CPU µs a select"),
    )
    async with started(VARIABLES) as place:
        before = _sizes(place)
        [first] = await make(place)
        ids = [first, *await copies(place, first, MANY - 1)]
        runners = {}
        for size in SIZES:
            whole = series(place, ids[:size])
            await visit(place, whole)
            runners[str(size)] = Runner(
                partial(load, whole, CONNECTIONS, length.seconds), place.groups()
            )
        await asyncio.sleep(SETTLED_SEC)
        seen = await take_turns(runners, length.rounds)
        after = _sizes(place)
    for name, one in seen.items():
        beside = f"{ratio(one, seen['1']):.3f}"
        figures = [beside, f"{one.rate:,.0f}", one.latencies(), one.costs()]
        table.rows.append([f"{int(name):,}", *figures])
    sheet.values["zipf"] = ratio(seen[str(MANY)], seen["1"])
    sheet.values["motor rss"] = after["motor"]
    grown = (f"{name} {before[name]:.0f} → {after[name]:.0f}" for name in after)
    sheet.note(
        f"Resident before and with {MANY:,} experiments, MB: {', '.join(grown)}."
    )


def _sizes(place: Place) -> dict[str, float]:
    return {name: largest(group) for name, group in place.groups().items()}
