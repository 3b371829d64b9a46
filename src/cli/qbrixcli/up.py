"""``qbrix up`` and ``qbrix infra``: run until somebody asks to stop."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from qbrixcli.console import Console
from qbrixcli.datadir import data_directory
from qbrixcli.hints import greeting
from qbrixcli.keyring import load_keyring
from qbrixcli.signals import until_stopped
from qbrixcli.stores import Stores
from qbrixcli.supervisor import Supervisor
from qbrixcli.system import System


async def up(environ: Mapping[str, str], motors: int = 1) -> None:
    """Run the whole system, with so many motors. Raises StartError."""
    data = data_directory(environ)
    console = Console()

    async def job() -> None:
        async with System(data, environ, console, motors) as system:
            print(greeting(system.welcome, data.credentials), flush=True)
            try:
                await asyncio.Event().wait()
            finally:
                console.say("stopping")

    await until_stopped(job)


async def infra(environ: Mapping[str, str]) -> None:
    """Run only the embedded stores and print how to reach them. Raises StartError."""
    data = data_directory(environ)
    console = Console()

    async def job() -> None:
        await data.open()
        stores = Stores(data, load_keyring(data), environ)
        try:
            async with Supervisor(console, [stores.servers]) as supervisor:
                await stores.start()
                for server in stores.servers:
                    supervisor.keep(server)
                print(stores.publish(), end="", flush=True)
                await asyncio.Event().wait()
        finally:
            stores.withdraw()
            data.close()

    await until_stopped(job)
