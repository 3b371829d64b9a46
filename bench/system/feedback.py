"""Feedback over REST beside the echo, every reward counted in the log."""

from __future__ import annotations

import asyncio
import statistics
import time
from typing import Final

from bench.load import Round
from bench.load import Series
from bench.load import Target
from bench.load import load
from bench.processes import find_worker
from bench.sheet import Length
from bench.sheet import Sheet
from bench.sheet import percentile
from bench.system.asking import ask_batch
from bench.system.asking import reward_body
from bench.system.experiments import FEEDBACK
from bench.system.experiments import make
from bench.system.experiments import select_body
from bench.system.place import ECHO
from bench.system.place import Place
from bench.system.place import echo
from bench.system.place import started
from bench.system.turns import Runner
from bench.system.turns import ratio
from bench.system.turns import take_turns
from redis.asyncio import Redis

from qbrixcli.demo.wire import Connection
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis.gauges import ShardGauges

CONNECTIONS: Final = 32
EXPECTED: Final = 20_000  # rewards a second, until it is known
SPARE: Final = 2.0
TOGETHER: Final = 100
EVENT: Final = b"x" * 130
APPENDS: Final = 2_000


class Rewards:
    """Rounds of rewards, each for a selection of its own."""

    def __init__(self, place: Place, experiment: str, gauges: ShardGauges) -> None:
        self._place = place
        self._experiment = experiment
        self._gauges = gauges
        self._bodies: list[str] = []
        self._rate = float(EXPECTED)
        self.lost = 0
        self.sent = 0

    async def prepare(self, seconds: int) -> None:
        """Select, for a round."""
        wanted = int(SPARE * self._rate * seconds)
        found = await tokens(self._place, self._experiment, wanted)
        self._bodies = [reward_body(token) for token in found]

    async def run(self, seconds: int) -> Round:
        """Reward for a while; then count."""
        url, headers = self._place.url + FEEDBACK, self._place.headers
        order = range(len(self._bodies))
        series = Series(url, self._bodies, headers, order, once=True)
        before = (await self._gauges.counters())["events"]
        done = await load(series, CONNECTIONS, seconds)
        if done.total > len(order) - CONNECTIONS:
            raise RuntimeError("rewards ran out: the rate is not what was expected")
        self._rate = max(done.rate, EXPECTED / 2)
        kept = (await self._gauges.counters())["events"] - before
        self.sent += done.total
        # what was answered after the end is kept as well, and not counted
        self.lost += max(0, done.total - kept)
        return done


async def tokens(place: Place, experiment: str, count: int) -> list[object]:
    """Of so many selections."""
    found: list[object] = []

    async def collect() -> None:
        async with Connection(place.url, place.key) as pipe:
            while len(found) < count:
                results = await ask_batch(pipe, experiment, TOGETHER)
                found.extend(one["request_id"] for one in results)

    await asyncio.gather(collect(), collect())
    return found[:count]


async def measure(length: Length, sheet: Sheet) -> None:
    """Rewards and echoes in turns; then the least that a durable append takes."""
    table = sheet.table(
        f"Feedback over REST beside the echo, {CONNECTIONS} connections",
        *("feedback / echo", "feedback/s", "p50, p99, p99.9 ms", "CPU µs a feedback"),
        *("echo/s", "acknowledged", "of them not in the log"),
    )
    async with (
        started() as place,
        echo() as address,
        RedisClient(place.redis) as client,
    ):
        [experiment] = await make(place)
        gauges = ShardGauges(client, await Layout.ensure(client))
        rewards = Rewards(place, experiment, gauges)
        body = select_body(experiment)
        bare = Target(address, body, {"Content-Type": "application/json"})
        await rewards.prepare(1)
        await rewards.run(1)
        await load(bare, CONNECTIONS, 1)
        seconds = length.seconds
        seen = await take_turns(
            {
                "echo": Runner(
                    lambda: load(bare, CONNECTIONS, seconds),
                    {"echo": [find_worker(ECHO)]},
                ),
                "feedback": Runner(
                    lambda: rewards.run(seconds),
                    place.groups(),
                    lambda: rewards.prepare(seconds),
                ),
            },
            length.rounds,
        )
        share = ratio(seen["feedback"], seen["echo"])
        ours = seen["feedback"]
        table.rows.append(
            [
                *(f"{share:.3f}", f"{ours.rate:,.0f}", ours.latencies(), ours.costs()),
                *(f"{seen['echo'].rate:,.0f}", f"{rewards.sent:,}", f"{rewards.lost}"),
            ]
        )
        sheet.values["feedback"] = share
        sheet.values["feedback lost"] = rewards.lost
        await append(place, sheet)


async def append(place: Place, sheet: Sheet) -> None:
    """One event a command, one command at a time: the least a durable reward takes."""
    at = place.redis
    async with Redis(host=at.host, port=at.port, password=at.password) as redis:
        took: list[float] = []
        for _ in range(APPENDS):
            start = time.perf_counter()
            await redis.xadd("bench:append", {"e": EVENT})
            took.append(1e3 * (time.perf_counter() - start))
        await redis.delete("bench:append")
    took.sort()
    sheet.note(
        f"A bare append of {len(EVENT)} bytes to a stream of this Redis, one at a "
        f"time: {statistics.median(took):.3f} ms, p99 {percentile(took, 0.99):.3f} ms."
    )
