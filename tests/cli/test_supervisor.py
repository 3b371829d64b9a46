"""Restarting and stopping, with real children."""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import ticks

from qbrixcli.backoff import Backoff
from qbrixcli.console import Console
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.lock import DirectoryLock
from qbrixcli.service import Service
from qbrixcli.supervisor import Supervisor
from qbrixcli.together import together

Program = Callable[[str, str], dict[str, str]]

CHILD = """
    import os, signal, sys, time
    def stop(*_):
        print("stopping", flush=True)
        sys.exit(0)
    signal.signal(signal.SIGTERM, stop)
    print("pid", os.getpid(), flush=True)
    time.sleep(600)
"""


class Crew:
    """Children of one program, and what they said."""

    def __init__(self, directory: Path, environ: dict[str, str]) -> None:
        self._stream = io.StringIO()
        self._environ = environ
        self.console = Console(self._stream)
        self.lock = DirectoryLock(directory)
        assert self.lock.try_acquire()

    def member(self, name: str, module: str = "child") -> Service:
        return Service(name, module, self._environ, self.lock, self.console)

    def said(self) -> list[str]:
        return [line.replace(" ", "") for line in self._stream.getvalue().splitlines()]

    def pids(self, name: str) -> list[int]:
        mark = f"{name}|pid"
        return [int(line[len(mark) :]) for line in self.said() if line.startswith(mark)]

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            async for _ in ticks():
                if done():
                    return


@pytest.fixture
def crew(directory: Path, program: Program) -> Crew:
    return Crew(directory, program("child", CHILD))


async def test_starts_again_what_was_killed(crew: Crew) -> None:
    one = crew.member("one")
    async with Supervisor(crew.console, [[one]]) as supervisor:
        await one.start()
        supervisor.keep(one, Backoff(first_sec=0.01))
        for times in (1, 2, 3):
            await crew.until(lambda times=times: len(crew.pids("one")) == times)
            os.kill(crew.pids("one")[-1], signal.SIGKILL)
        await crew.until(lambda: len(crew.pids("one")) == 4)
    assert "qbrix|oneendedwith-9,startingitagainin0.0s" in crew.said()


async def test_a_crash_loop_gets_one_clear_line(crew: Crew, program: Program) -> None:
    program("broken", "raise SystemExit('no such table')")
    broken = crew.member("one", "broken")
    async with Supervisor(crew.console, [[broken]]) as supervisor:
        await broken.start()
        supervisor.keep(broken, Backoff(first_sec=0.001, longest_sec=0.001))
        await crew.until(lambda: crew.said().count("one|nosuchtable") >= 8)
    loops = [line for line in crew.said() if "keepsending" in line]
    assert len(loops) == 1
    assert loops[0].startswith("qbrix|one")


async def test_what_refuses_to_start_is_tried_again(crew: Crew) -> None:
    class Flaky:
        name = "flaky"
        starts = 0
        ended = asyncio.Event()

        async def start(self) -> None:
            self.starts += 1
            if self.starts < 3:
                raise StartError("the disk is full")

        async def wait(self) -> int:
            if self.starts:
                await self.ended.wait()
            return 7

        async def stop(self) -> None:
            return None

    flaky = Flaky()
    async with Supervisor(crew.console, [[flaky]]) as supervisor:
        supervisor.keep(flaky, Backoff(first_sec=0.001))
        await crew.until(lambda: flaky.starts == 3)
    said = crew.said()
    assert said[0].startswith("qbrix|flakyendedwith7,")
    assert said[1].startswith("qbrix|flakydidnotstart(thediskisfull),")
    assert len(said) == 3


async def test_stops_stage_by_stage_and_restarts_nothing_then(crew: Crew) -> None:
    stages = [[crew.member("a")], [crew.member("b"), crew.member("c")]]
    async with Supervisor(crew.console, stages) as supervisor:
        for one in (unit for stage in stages for unit in stage):
            await one.start()
            supervisor.keep(one)
        await crew.until(lambda: all(map(crew.pids, "abc")))
    stops = [line for line in crew.said() if line.endswith("|stopping")]
    assert stops[0] == "a|stopping"
    assert sorted(stops[1:]) == ["b|stopping", "c|stopping"]
    assert [len(crew.pids(name)) for name in "abc"] == [1, 1, 1]
    assert not any("again" in line for line in crew.said())


async def test_stopping_during_a_pause_starts_nothing(crew: Crew) -> None:
    one = crew.member("one")
    async with Supervisor(crew.console, [[one]]) as supervisor:
        await one.start()
        supervisor.keep(one, Backoff(first_sec=600, longest_sec=600))
        await crew.until(lambda: len(crew.pids("one")) == 1)
        os.kill(crew.pids("one")[0], signal.SIGKILL)
        await crew.until(lambda: any("again" in line for line in crew.said()))
    assert len(crew.pids("one")) == 1


async def test_the_first_error_of_several_jobs_cancels_the_others() -> None:
    cancelled = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def fails() -> None:
        raise StartError("no")

    with pytest.raises(StartError, match="no"):
        await together(waits(), fails())
    assert cancelled.is_set()
