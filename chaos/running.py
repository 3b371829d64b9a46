"""One run: traffic, disasters, a spike, and the judgement afterwards."""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from typing import NamedTuple

import httpx
from chaos.changing import Changer
from chaos.disasters import REDIS
from chaos.disasters import Disaster
from chaos.disasters import Disasters
from chaos.experiments import COUNT
from chaos.experiments import Subject
from chaos.experiments import make
from chaos.experiments import make_all
from chaos.history import History
from chaos.history import read
from chaos.journal import Journal
from chaos.judging import Finding
from chaos.judging import between
from chaos.judging import judge
from chaos.lines import Line
from chaos.recovering import Recovery
from chaos.sending import Sender
from chaos.spiking import Spike
from chaos.spiking import Spiking
from chaos.store import Store
from chaos.store import stores
from chaos.store import until
from chaos.system import System

from qbrixcli import replaying
from qbrixcli.console import Console
from qbrixcore.param.codec import Stored

ANSWER_SEC: Final = 20.0
DRAIN_SEC: Final = 600.0
SPIKE_FACTOR: Final = 100


class Plan(NamedTuple):
    """How much of everything; the same seed gives the same order of events."""

    seed: int
    rate: float
    experiments: int
    times: int
    pause: float
    spike_sec: float


class Outcome(NamedTuple):
    """What a run came to."""

    disasters: list[Disaster]
    changes: Counter[str]
    spike: Spike
    drained_sec: float
    in_doubt: int
    counters: dict[str, int]
    findings: list[Finding]
    between: list[str]
    faults: list[str]
    journal: Journal


class Run:
    """Everything that takes part, ready to go."""

    def __init__(
        self,
        plan: Plan,
        system: System,
        store: Store,
        client: httpx.AsyncClient,
        line: Line,
        subjects: list[Subject],
    ) -> None:
        rng = random.Random(plan.seed)
        made = system.credentials
        address = (made.http_url, made.api_key)
        probed, *self.subjects = subjects
        self.journal = Journal()
        self.sender = Sender(*address, self.subjects, self.journal, rng)
        self.changer = Changer(client, self.subjects, self.journal, rng)
        self.spiking = Spiking(address, self.subjects, self.journal, rng)
        self.recovery = Recovery(system, store, client, line, probed)
        self.disasters = Disasters(system, store, self.recovery, rng)
        self.between: list[str] = []
        self.in_doubt = 0
        self._plan = plan
        self._system = system
        self._store = store

    async def go(self) -> tuple[Spike, float]:
        """All of it; the spike, and how long it took to learn what was left of it."""
        async with self.sender.running():
            await self._disasters()
            await self._halt()
            await self._look()
            await self._settle()
            spike = await self.spiking.run(
                SPIKE_FACTOR * self._plan.rate, self._plan.spike_sec
            )
            over = time.monotonic()
            await self._settle()
        return spike, time.monotonic() - over

    async def _disasters(self) -> None:
        plan, stop = self._plan, asyncio.Event()
        self.sender.rate = plan.rate
        async with asyncio.TaskGroup() as group:
            group.create_task(self.changer.run(plan.pause / 2, stop))
            await self.disasters.run(plan.times, plan.pause)
            stop.set()

    async def _halt(self) -> None:
        """Stop amid a last disaster, so that some rewards stay open."""
        self.sender.repeating = False
        await self.disasters.strike(REDIS)
        await self.sender.finish()
        await until(self._store.drained, DRAIN_SEC)

    async def _look(self) -> None:
        # what was sent without an answer may have been learned or not
        self.in_doubt = (self.journal.sent - self.journal.acknowledged).total()
        seen = self.history()
        for subject in self.subjects:
            stored = await self.learned(subject)
            self.between += between(subject, stored, self.journal, seen)

    async def _settle(self) -> None:
        async with asyncio.timeout(DRAIN_SEC):
            await self.sender.settle()
        await until(self._store.drained, DRAIN_SEC)

    def history(self) -> History:
        """The log so far."""
        directory = self._system.data.valkey
        return read(directory, self._store.layout, self._store.tenant)

    async def replayed(self, subject: Subject) -> str:
        """What ``qbrix replay`` finds wrong with an experiment, if anything."""
        asked = argparse.Namespace(experiment=subject.id, at=None)
        verdict = await replaying.run(asked, self._system.environ)
        return "" if verdict.outcome == "equal" else verdict.as_table()

    async def learned(self, subject: Subject) -> Stored:
        """What an experiment knows. Raises Unavailable."""
        return await self._store.learned(subject.id)

    async def counters(self) -> dict[str, int]:
        """Of the log. Raises Unavailable."""
        return await self._store.counters()

    async def recorded(self) -> None:
        """Wait until the decision log has each reward. Raises TimeoutError."""
        sent = Counter[str]()
        for (experiment, _, _), count in self.journal.chosen.items():
            sent[experiment] += count

        async def level() -> bool:
            for experiment, count in sent.items():
                if await self._store.recorded(experiment) != count:
                    return False
            return True

        await until(level, DRAIN_SEC)


async def run(plan: Plan, directory: Path, console: Console) -> Outcome:
    """Start a system, do all that to it, stop it, and judge. Raises StartError."""
    system = System(directory, console)
    async with system, _ready(plan, system) as made:
        spike, drained_sec = await made.go()
        await made.recorded()
        replayed = [await made.replayed(one) for one in made.subjects]
        learned = {one.id: await made.learned(one) for one in made.subjects}
        counters = await made.counters()
    seen = made.history()
    findings = [
        judge(one, learned[one.id], made.journal, seen) for one in made.subjects
    ]
    return Outcome(
        disasters=made.disasters.happened,
        changes=made.changer.made,
        spike=spike,
        drained_sec=drained_sec,
        in_doubt=made.in_doubt,
        counters=counters,
        findings=findings,
        between=made.between,
        faults=[
            *made.journal.complaints,
            *lost(counters),
            *(fault for fault in replayed if fault),
        ],
        journal=made.journal,
    )


def lost(counters: dict[str, int]) -> list[str]:
    """What the log's own counters say that must not be."""
    return [
        f"{counters[name]} rewards {name}"
        for name in ("dropped", "dead")
        if counters[name]
    ]


@asynccontextmanager
async def _ready(plan: Plan, system: System) -> AsyncIterator[Run]:
    made = system.credentials
    async with (
        httpx.AsyncClient(
            base_url=made.http_url,
            headers={"X-API-Key": made.api_key},
            timeout=ANSWER_SEC,
            trust_env=False,
        ) as client,
        Line(made.http_url, made.api_key) as line,
    ):
        probed = await make(client, "probe", COUNT)
        subjects = [probed, *await make_all(client, plan.experiments)]
        async with stores(system, probed.id) as store:
            yield Run(plan, system, store, client, line, subjects)
