"""How soon a reward that was acknowledged is known to the selects that follow.

    python -m bench.freshness [--seconds 20] [--rate 1000]

Starts what ``qbrix up`` starts, with default settings, and sends feedback at a rate. On
experiments beside it, of states as large, one reward at a time is sent, and selects
follow its acknowledgement until one is served with the version that has learned it.
Prints figures; judges nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any
from typing import Final
from typing import NamedTuple

import httpx
from bench.load import say
from bench.processes import cpu
from bench.processes import find_services

from qbrixcli.console import Console
from qbrixcli.datadir import DataDirectory
from qbrixcli.demo.wire import Connection
from qbrixcli.demo.wire import Reply
from qbrixcli.demonstration import fresh_variables
from qbrixcli.demonstration import scratch_directory
from qbrixcli.system import System

SELECT: Final = b"/api/v1/agent/select"
FEEDBACK: Final = b"/api/v1/agent/feedback"
SENDERS: Final = 16
PROBES: Final = 4
PAUSE: Final = 0.002  # seconds between the selects of a probe
VERSION: Final = b"x-param-version"

# a state of BetaTS with ten arms has 0.4 KiB, one of LinUCB with these 64 KiB
POLICIES: Final[Sequence[tuple[str, int, Mapping[str, object]]]] = (
    ("BetaTSPolicy", 10, {}),
    ("LinUCBPolicy", 15, {"dim": 16}),
)


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
            await ask(self._pipe, FEEDBACK, feedback_body(reply))
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
            await ask(self._pipe, FEEDBACK, feedback_body(reply))
            self.sent += 1
            due += interval


def select_body(experiment: str, dim: int) -> bytes:
    """A select of one and the same person."""
    context: dict[str, object] = {"id": "user-1"}
    if dim:
        context["vector"] = [1.0 / (1 + n) for n in range(dim)]
    return json.dumps({"experiment_id": experiment, "context": context}).encode()


def feedback_body(reply: Reply) -> bytes:
    """A reward for what was selected."""
    token = json.loads(reply.body)["request_id"]
    return json.dumps({"request_id": token, "reward": 1}).encode()


async def ask(pipe: Connection, path: bytes, body: bytes) -> Reply:
    """The answer. Raises RuntimeError when it is an error."""
    reply = await pipe.post(path, body)
    if reply.status not in (200, 201):
        raise RuntimeError(f"{path.decode()}: {reply.status} {reply.body.decode()}")
    return reply


class Place(NamedTuple):
    """Where the system is, and who asks."""

    url: str
    key: str


async def measure(seconds: float, rate: float) -> None:
    """Start, measure, print, stop."""
    with scratch_directory() as directory:
        data = DataDirectory(directory / "data")
        with (directory / "services.log").open("w") as log:
            async with System(data, fresh_variables(), Console(log)) as system:
                made = system.welcome.credentials
                assert made is not None
                place = Place(made.http_url, made.api_key)
                say("| policy | feedback/s | probes | p50 | p90 | p99 | most | CPU |")
                say("|---|---:|---:|---:|---:|---:|---:|---|")
                for policy, arms, params in POLICIES:
                    ids = await experiments(place, policy, arms, params)
                    dim = int(str(params.get("dim", 0)))
                    await row(place, policy, ids, dim, seconds, rate)


async def experiments(
    place: Place, policy: str, arms: int, params: Mapping[str, object]
) -> list[str]:
    """One for the traffic and one a probe, on one pool."""
    async with httpx.AsyncClient(
        base_url=f"{place.url}/api/v1",
        headers={"X-API-Key": place.key},
        trust_env=False,
    ) as client:
        named: list[dict[str, Any]] = [{"name": f"arm {n}"} for n in range(arms)]
        pool = await client.post("/pools", json={"name": policy, "arms": named})
        body = {
            "pool_id": pool.json()["id"],
            "policy": policy,
            "policy_params": dict(params),
        }
        replies = [
            await client.post("/experiments", json={**body, "name": f"{policy} {n}"})
            for n in range(1 + PROBES)
        ]
        return [str(reply.json()["id"]) for reply in replies]


async def row(
    place: Place, policy: str, ids: Sequence[str], dim: int, seconds: float, rate: float
) -> None:
    """Load one experiment, probe the others, print what was seen."""
    async with AsyncExitStack() as stack:
        pipes = [
            await stack.enter_async_context(Connection(place.url, place.key))
            for _ in range(SENDERS + PROBES)
        ]
        senders = [Sender(pipe, ids[0], dim) for pipe in pipes[PROBES:]]
        probes = [
            Probe(pipe, experiment, dim)
            for pipe, experiment in zip(pipes, ids[1:], strict=False)
        ]
        before, start = cpu(services := find_services()), time.perf_counter()
        until = start + seconds
        async with asyncio.TaskGroup() as tasks:
            for sender in senders:
                tasks.create_task(sender.run(until, SENDERS / rate))
            for probe in probes:
                tasks.create_task(probe.run(until))
        took, after = time.perf_counter() - start, cpu(services)
    # the first of each finds caches cold
    seen = sorted(ms for probe in probes for ms in probe.took[1:])
    cells = [f"{seen[int(q * (len(seen) - 1))]:.0f} ms" for q in (0.5, 0.9, 0.99, 1.0)]
    sent = sum(sender.sent for sender in senders) / took
    used = ", ".join(
        f"{name[:-3]} {100 * (after[name] - before[name]) / took:.0f} %"
        for name in services
    )
    say(f"| {policy} | {sent:,.0f} | {len(seen)} | {' | '.join(cells)} | {used} |")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--rate", type=float, default=1_000.0)
    given = parser.parse_args()
    asyncio.run(measure(given.seconds, given.rate))


if __name__ == "__main__":
    main()
