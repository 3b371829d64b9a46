"""``qbrix demo``: a fresh system on free ports, fed with real logged traffic."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console as Screen

from qbrixcli.console import Console
from qbrixcli.datadir import DataDirectory
from qbrixcli.demo.errors import DemoError
from qbrixcli.demo.run import FAST
from qbrixcli.demo.run import FULL
from qbrixcli.demo.run import run_demo
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.ports import free_ports
from qbrixcli.signals import until_stopped
from qbrixcli.system import System
from qbrixcli.topology import PORTS

OURS = ("PROXY_", "MOTOR_", "CORTEX_", "QBRIX_", "LOG_")
INTERRUPTED = 130


async def demonstrate(fast: bool) -> int:
    """Exit code of the demo. Raises StartError."""
    screen = Screen()

    async def job() -> int:
        with scratch_directory() as directory:
            screen.print("starting a fresh system on free ports")
            with (directory / "services.log").open("w") as log:
                return await _run(directory, Console(log), screen, fast)

    code = await until_stopped(job)
    return INTERRUPTED if code is None else code


async def _run(directory: Path, console: Console, screen: Screen, fast: bool) -> int:
    data = DataDirectory(directory / "data")
    try:
        async with System(data, fresh_variables(), console) as system:
            made = system.welcome.credentials
            assert made is not None
            scale = FAST if fast else FULL
            return await run_demo(made.http_url, made.api_key, scale, screen)
    except DemoError as error:
        raise StartError(f"the demo stopped: {error}") from error


def fresh_variables() -> dict[str, str]:
    """Free ports; whatever else was set for another system does not count here."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        del os.environ[name]
    return dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))


@contextmanager
def scratch_directory() -> Iterator[Path]:
    """A directory that goes with the block, kept when an error needs looking into."""
    directory = Path(tempfile.mkdtemp(prefix="qbrix-"))
    # nobody, who runs postgres for root, must be able to pass
    directory.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        yield directory
    except StartError:
        print(f"qbrix: see {directory / 'services.log'}", file=sys.stderr)
        raise
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    shutil.rmtree(directory, ignore_errors=True)
