"""How soon a reward that was acknowledged is known to the selects that follow.

Feedback comes at a rate. On experiments beside it, of states as large, one reward at a
time is sent, and selects follow its acknowledgement until one is served with the
version that has learned it.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

from bench.processes import cpu
from bench.sheet import Length
from bench.sheet import Sheet
from bench.sheet import Table
from bench.sheet import percentile
from bench.system.asking import ask
from bench.system.asking import reward_body
from bench.system.experiments import FEEDBACK
from bench.system.experiments import SELECT
from bench.system.experiments import Kind
from bench.system.experiments import make
from bench.system.experiments import select_body
from bench.system.place import Place
from bench.system.place import started

from qbrixcli.demo.wire import Connection
from qbrixcli.demo.wire import Reply

SENDERS: Final = 16
PROBES: Final = 4
PAUSE: Final = 0.002  # seconds between the selects of a probe
VERSION: Final = b"x-param-version"
RATE: Final = 1_000
SECONDS: Final = 20

# a state of BetaTS with ten arms has 0.4 KiB, one of LinUCB with these 64 KiB
KINDS: Final = (Kind("BetaTSPolicy", 10), Kind("LinUCBPolicy", 15, 16))


class Probe:
    """One reward at a time, followed until a select knows it."""

    def __init__(self, pipe: Connection, experiment: str, dim: int) -> None:
        self._pipe = pipe
        self._body = select_body(experiment, dim)
        self.took: list[float] = []

    async def run(self, until: float) -> None:
        """Collect milliseconds from acknowledgements to selects."""
        reply = await ask(self._pipe, SELECT, self._body)
        while time.perf_counter() < until:
            known = int(reply.headers[VERSION])
            await ask(self._pipe, FEEDBACK, reward(reply))
            acknowledged = time.perf_counter()
            while int(reply.headers[VERSION]) <= known:
                await asyncio.sleep(PAUSE)
                reply = await ask(self._pipe, SELECT, self._body)
            self.took.append(1e3 * (time.perf_counter() - acknowledged))


class Sender:
    """Selects and gives feedback at a steady rate."""

    def __init__(self, pipe: Connection, experiment: str, dim: int) -> None:
        self._pipe = pipe
        self._body = select_body(experiment, dim)
        self.sent = 0

    async def run(self, until: float, interval: float) -> None:
        """Send one feedback an interval; what is late is made up for."""
        due = time.perf_counter()
        while due < until:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            reply = await ask(self._pipe, SELECT, self._body)
            await ask(self._pipe, FEEDBACK, reward(reply))
            self.sent += 1
            due += interval


def reward(reply: Reply) -> str:
    """For what was selected."""
    return reward_body(json.loads(reply.body)["request_id"])


async def measure(length: Length, sheet: Sheet) -> None:
    """A row for each policy; the target is that of the slowest."""
    table = sheet.table(
        "From the acknowledgement of a reward to the first select that knows it",
        *("policy", "rewards/s", "probes", "p50 ms", "p90 ms", "p99 ms", "most ms"),
        "CPU, % of a core",
    )
    async with started() as place:
        for kind in KINDS:
            ids = await make(place, kind, 1 + PROBES)
            p99 = await row(place, kind, ids, 2 if length.quick else SECONDS, table)
            sheet.values["fresh"] = max(p99, sheet.values.get("fresh", 0.0))


async def row(
    place: Place, kind: Kind, ids: Sequence[str], seconds: float, table: Table
) -> float:
    """Load one experiment, probe the others; the p99."""
    async with AsyncExitStack() as stack:
        pipes = [
            await stack.enter_async_context(Connection(place.url, place.key))
            for _ in range(SENDERS + PROBES)
        ]
        senders = [Sender(pipe, ids[0], kind.dim) for pipe in pipes[PROBES:]]
        probes = [
            Probe(pipe, experiment, kind.dim)
            for pipe, experiment in zip(pipes, ids[1:], strict=False)
        ]
        before, start = cpu(groups := place.groups()), time.perf_counter()
        until = start + seconds
        async with asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.run(until, SENDERS / RATE))
            for probe in probes:
                tasks.create_task(probe.run(until))
        took, after = time.perf_counter() - start, cpu(groups)
    # the first of each finds caches cold
    seen = sorted(ms for probe in probes for ms in probe.took[1:])
    at = [percentile(seen, share) for share in (0.5, 0.9, 0.99, 1.0)]
    sent = sum(sender.sent for sender in senders) / took
    used = ", ".join(f"{n} {100 * (after[n] - before[n]) / took:.0f}" for n in groups)
    figures = [f"{sent:,.0f}", str(len(seen)), *(f"{ms:.0f}" for ms in at), used]
    table.rows.append([kind.name, *figures])
    return at[2]
