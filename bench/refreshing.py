"""What many motors that follow many experiments ask of Redis.

    python -m bench.refreshing [--motors 50] [--experiments 1000] [--changes 100]

Each simulated motor holds every experiment in a cache of its own, as a motor does, with
connections of its own to one embedded Redis. Params change at a rate, one experiment
after the other, and every motor reads them. Prints figures; judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager
from typing import Any
from typing import Final

import msgspec
from bench.load import say

from motorsvc.agents import AgentSource
from motorsvc.backing import JITTER_SEC
from motorsvc.cache import SoftCache
from motorsvc.families import Families
from motorsvc.states import Ready
from motorsvc.states import StateSource
from qbrixcli.demonstration import scratch_directory
from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.valkey import Valkey
from qbrixcore.definition import make_definition
from qbrixcore.experiment import Experiment
from qbrixcore.param import codec
from qbrixcore.param.codec import Stored
from qbrixcore.pool import Pool
from qbrixstore.redis import Changes
from qbrixstore.redis import Definitions
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisParamBackend
from qbrixstore.redis import RedisSettings
from qbrixstore.redis import keys
from qbrixstore.redis.config import Limits

TENANT: Final = "t1"
ARMS: Final = 10
PASSWORD: Final = "refreshing"
SETTLED: Final = 2.0  # seconds after which motors are connected, or level
AT_ONCE: Final = 50
# all motors share one interpreter, which keeps them waiting longer than Redis does
PATIENT: Final = Limits(reply=60.0, connect=10.0)
POLICY: Final = "UCB1TunedPolicy"


class Motor:
    """The caches of one motor, and what keeps them level."""

    def __init__(self, client: RedisClient, layout: Layout, families: Families) -> None:
        agents = AgentSource(Definitions(client, layout), families)
        self._agents = SoftCache(agents.load, ttl=3_600, maxsize=10_000)
        source = StateSource(RedisParamBackend(client, layout), self._agents, 60.0)
        self.states: SoftCache[Ready] = SoftCache(
            source.load, ttl=3_600, maxsize=10_000, jitter=JITTER_SEC
        )
        self._changes = Changes(client, layout)

    async def warm(self, names: list[str]) -> None:
        """Hold every experiment."""
        for start in range(0, len(names), AT_ONCE):
            some = names[start : start + AT_ONCE]
            await asyncio.gather(*(self.states.get((TENANT, name)) for name in some))

    async def follow(self) -> None:
        """Read what changes, for ever."""
        async for key in self._changes.listen(keys.PARAMS):
            self.states.change(key)

    def behind(self, versions: dict[str, int]) -> int:
        """How many experiments are not as they are stored."""
        held = ((self.states.peek((TENANT, name)), v) for name, v in versions.items())
        return sum(one is None or one.stored.header.version < v for one, v in held)

    async def close(self) -> None:
        """Read nothing more."""
        await self.states.close()
        await self._agents.close()


@asynccontextmanager
async def motors(
    settings: RedisSettings, layout: Layout, count: int, names: list[str]
) -> AsyncIterator[list[Motor]]:
    """So many, each with all experiments in memory."""
    families = Families()
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as tasks:
        made = []
        for _ in range(count):
            client = await stack.enter_async_context(RedisClient(settings, PATIENT))
            made.append(Motor(client, layout, families))
        following = [tasks.create_task(motor.follow()) for motor in made]
        await asyncio.sleep(SETTLED)
        for motor in made:
            await motor.warm(names)
        yield made
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        for motor in made:
            await motor.close()
    families.close()


async def publish(client: RedisClient, layout: Layout, count: int) -> dict[str, Stored]:
    """Experiments with their priors, by name."""
    pool = Pool.of(*(f"a{n}" for n in range(ARMS)))
    made = {}
    for n in range(count):
        experiment = Experiment(f"e{n}", f"e{n}", pool, POLICY, {})
        definition = make_definition(TENANT, experiment, 1)
        made[experiment.id] = codec.first(definition)
        await Definitions(client, layout).publish(definition, made[experiment.id])
    return made


async def change(
    params: RedisParamBackend, states: dict[str, Stored], rate: float, seconds: float
) -> int:
    """Store new versions in turn at a rate; how many."""
    names, done, start = list(states), 0, time.perf_counter()
    while (now := time.perf_counter()) < start + seconds:
        while done < (now - start) * rate:
            name = names[done % len(names)]
            header = states[name].header
            header = msgspec.structs.replace(header, version=header.version + 1)
            states[name] = Stored(header, states[name].state)
            await params.put(TENANT, name, states[name])
            done += 1
        await asyncio.sleep(0.01)
    return done


async def usage(client: RedisClient) -> dict[str, float]:
    """CPU seconds, commands and bytes of Redis so far."""
    info: Any = await client.execute("INFO", "everything")
    text = info.decode() if isinstance(info, bytes) else str(info)
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {
        "cpu": float(lines["used_cpu_user"]) + float(lines["used_cpu_sys"]),
        "commands": float(lines["total_commands_processed"]),
        "bytes": float(lines["total_net_output_bytes"]),
    }


async def measure(count: int, experiments: int, rate: float, seconds: float) -> None:
    """Start, measure with and without changes, print, stop."""
    with scratch_directory() as directory:
        port = free_port()
        settings = RedisSettings(port=port, password=PASSWORD)
        async with (
            Valkey(directory, port, PASSWORD),
            RedisClient(settings, PATIENT) as client,
        ):
            layout = await Layout.ensure(client)
            states = await publish(client, layout, experiments)
            params = RedisParamBackend(client, layout)
            async with motors(settings, layout, count, list(states)) as made:
                say("| changes/s | Redis CPU | commands/s | MB/s out | left behind |")
                say("|---:|---:|---:|---:|---:|")
                for wanted in (0.0, rate):
                    before, start = await usage(client), time.perf_counter()
                    done = await change(params, states, wanted, seconds)
                    took = time.perf_counter() - start
                    after = await usage(client)
                    await asyncio.sleep(SETTLED)
                    now = {name: one.header.version for name, one in states.items()}
                    behind = sum(motor.behind(now) for motor in made)
                    used = {k: (after[k] - before[k]) / took for k in before}
                    say(
                        f"| {done / took:,.0f} | {100 * used['cpu']:.1f} % "
                        f"| {used['commands']:,.0f} | {used['bytes'] / 1e6:.2f} "
                        f"| {behind} |"
                    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--motors", type=int, default=50)
    parser.add_argument("--experiments", type=int, default=1_000)
    parser.add_argument("--changes", type=float, default=100.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    given = parser.parse_args()
    asyncio.run(measure(given.motors, given.experiments, given.changes, given.seconds))


if __name__ == "__main__":
    main()
