"""Select at fixed rates, counted from when each request was due, beside the echo."""

from __future__ import annotations

import asyncio
import statistics
import sys

import msgspec
from bench.load import Target
from bench.paced import Paced
from bench.paced import Work
from bench.sheet import Length
from bench.sheet import Sheet
from bench.system.experiments import new_target
from bench.system.place import echo
from bench.system.place import started

RATES = (1_000, 2_500, 5_000)
AIM = 5_000
WARM_UP = 4_000


async def measure(length: Length, sheet: Sheet) -> None:
    """The same rates for both, in turns."""
    table = sheet.table(
        "At fixed rates (open loop, latencies from the scheduled time)",
        *("what", "requests/s", "p50 ms", "p99 ms", "p99.9 ms", "most ms"),
        *("sent late by, p50 and p99 ms", "failed"),
    )
    async with started() as place, echo() as address:
        select = await new_target(place)
        bare = Target(address, select.body, {"Content-Type": "application/json"})
        for target in (select, bare):
            await paced(Work(target, WARM_UP, 2))
        for rate in RATES:
            rounds = length.rounds if rate == AIM else 1
            seen: dict[str, list[Paced]] = {"echo": [], "select": []}
            for _ in range(rounds):
                for name, target in (("echo", bare), ("select", select)):
                    work = Work(target, rate, 2 * length.seconds)
                    seen[name].append(await paced(work))
            for name, runs in seen.items():
                table.rows.append([name, f"{rate:,}", *cells(runs)])
            if rate == AIM:
                ours = seen["select"]
                sheet.values["paced p99"] = statistics.median(r.p99 for r in ours)
                sheet.values["paced failed"] = sum(run.failed for run in ours)


def cells(runs: list[Paced]) -> list[str]:
    """Medians of some runs, the largest latency and the failures of all."""
    p50, p99, p999, late, later = (
        statistics.median(getattr(run, name) for run in runs)
        for name in ("p50", "p99", "p999", "late_p50", "late_p99")
    )
    return [
        *(f"{p50:.3f}", f"{p99:.2f}", f"{p999:.2f}"),
        f"{max(run.most for run in runs):.1f}",
        f"{late:.3f}, {later:.3f}",
        str(sum(run.failed for run in runs)),
    ]


async def paced(work: Work) -> Paced:
    """Run the generator in a process of its own. Raises RuntimeError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.paced"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate(msgspec.json.encode(work))
    except asyncio.CancelledError:
        process.kill()
        raise
    if process.returncode:
        raise RuntimeError(f"the generator: {err.decode().strip()}")
    return msgspec.json.decode(out, type=Paced)
