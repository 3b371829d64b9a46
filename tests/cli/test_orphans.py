"""What is left when the supervisor itself is killed: nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

Program = Callable[[str, str], dict[str, str]]

SUPERVISOR = """
    import asyncio, os, signal, sys
    from pathlib import Path
    from qbrixcli.console import Console
    from qbrixcli.embedded import Postgres, Valkey
    from qbrixcli.embedded.lock import DirectoryLock
    from qbrixcli.embedded.ports import free_ports
    from qbrixcli.service import Service

    async def main(home):
        one, two = free_ports(2)
        lock = DirectoryLock(home)
        lock.try_acquire()
        async with Valkey(home / "v", one, "x"), Postgres(home / "p", two, "y"):
            child = Service("child", "child", os.environ, lock, Console())
            await child.start()
            print("started", flush=True)
            await asyncio.Event().wait()

    asyncio.run(main(Path(sys.argv[1])))
"""

CHILD = """
    import signal, time
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
"""


def test_a_killed_supervisor_leaves_no_orphan(
    directory: Path, program: Program
) -> None:
    program("supervisor", SUPERVISOR)
    environ = program("child", CHILD)
    with subprocess.Popen(
        [sys.executable, "-m", "supervisor", str(directory)],
        env=environ,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "started\n"
        family = psutil.Process(process.pid).children(recursive=True)
        names = sorted(member.name() for member in family)
        assert "valkey-server" in names
        assert names.count("postgres") > 3
        process.kill()
        left = psutil.wait_procs(family, timeout=20)[1]
    assert not [member for member in left if member.is_running()]
