"""A worker that is told to go while it starts goes, whatever moment that is."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import asyncio, os, signal, sys
import uvloop
from granian._signals import set_loop_signals
from proxysvc.leaving import go_when_told, stay_for_now

async def start():
    await asyncio.sleep(0)
    go_when_told()
    await asyncio.sleep(10)
    sys.exit(3)

loop = uvloop.new_event_loop()
stay_for_now()
set_loop_signals(loop)
os.kill(os.getpid(), signal.SIGTERM)
loop.run_until_complete(start())
"""


def test_a_signal_between_the_handlers_is_not_forgotten() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], timeout=60)
    assert done.returncode == 0
