"""Background work: what ends the process and what does not."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
from textwrap import dedent

import pytest

from qbrixserving.background import background
from qbrixserving.background import has_failed

SERVICE = """
    import asyncio
    from qbrixserving.background import background
    from qbrixserving.processes import run

    async def work():
        await asyncio.sleep(0)
        raise ZeroDivisionError("of all things")

    async def main(stop):
        async with background(work(), "the work"):
            await stop.wait()
        print("closed in order", flush=True)

    run(main, "proxysvc")
"""


def test_a_failure_is_told_and_ends_the_process_in_order() -> None:
    done = subprocess.run(
        [sys.executable, "-c", dedent(SERVICE)],
        capture_output=True,
        text=True,
        timeout=30,
        env={**os.environ, "LOG_FORMAT": "text"},
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "closed in order\n")
    assert "the work failed, this process ends" in done.stderr
    assert "ZeroDivisionError: of all things" in done.stderr


async def test_leaving_the_block_cancels_the_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    with caplog.at_level(logging.DEBUG):
        async with background(work(), "the work"):
            await asyncio.sleep(0)
    assert ended.is_set()
    assert not caplog.records
    assert not has_failed()


async def test_work_may_come_to_its_end() -> None:
    async def work() -> None:
        pass

    async with background(work(), "the work"):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert not has_failed()
