"""Commands that do one thing and end: migrate, reset, and running one service."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from collections.abc import Mapping
from contextlib import AsyncExitStack
from contextlib import asynccontextmanager

from qbrixcli.datadir import DataDirectory
from qbrixcli.datadir import data_directory
from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.places import place_for
from qbrixcli.embedded.places import server_account
from qbrixcli.keyring import load_keyring
from qbrixcli.stores import POSTGRES_USERS
from qbrixcli.stores import Stores
from qbrixcli.stores import named
from qbrixcli.stores import read_published
from qbrixcli.topology import motor_address
from qbrixcore.errors import QbrixError
from qbrixserving.settings import SettingsError
from qbrixserving.settings import read_settings
from qbrixstore.postgres.config import PostgresSettings


async def migrate(environ: Mapping[str, str]) -> None:
    """Bring the database to the current schema, the embedded one by default.

    Raises StartError.
    """
    from qbrixstore.postgres.migrate import migrate as upgrade

    async with reach_postgres(environ) as settings:
        try:
            await upgrade(settings)
        except QbrixError as error:
            raise StartError(str(error)) from error
    print("the database has the current schema")


@asynccontextmanager
async def reach_postgres(environ: Mapping[str, str]) -> AsyncIterator[PostgresSettings]:
    """The database, the embedded one by default, started if it does not run.

    Raises StartError.
    """
    async with AsyncExitStack() as stack:
        variables = await _reach_postgres(environ, stack)
        try:
            settings = read_settings(PostgresSettings, "PROXY_POSTGRES_", variables)
        except SettingsError as error:
            raise StartError(str(error)) from error
        yield settings


async def _reach_postgres(
    environ: Mapping[str, str], stack: AsyncExitStack
) -> Mapping[str, str]:
    if named(environ, POSTGRES_USERS):
        return environ
    data = data_directory(environ)
    running = read_published(data)
    if running and data.lock.is_held():
        return {**environ, **running}
    await data.open()
    stack.callback(data.close)
    stores = Stores(data, load_keyring(data), environ)
    assert stores.postgres is not None
    await stack.enter_async_context(stores.postgres)
    return {**environ, **stores.variables()}


async def reset(environ: Mapping[str, str], sure: bool) -> None:
    """Forget everything under the data directory. Raises StartError."""
    data = data_directory(environ)
    if not data.path.exists():
        print(f"nothing to forget: {data.path} does not exist")
        return
    await data.open()
    try:
        if not sure and not _agreed(data):
            raise StartError(f"kept {data.path}")
        place = place_for(data.postgres, server_account())
        for path in {place, data.path}:
            shutil.rmtree(path, ignore_errors=True)
    finally:
        data.close()
    print(f"forgot everything under {data.path}")


def _agreed(data: DataDirectory) -> bool:
    if not sys.stdin.isatty():
        raise StartError(f"add --yes to forget everything under {data.path}")
    return input(f"forget everything under {data.path}? [y/N] ").strip() in ("y", "Y")


def run_service(environ: Mapping[str, str], name: str) -> None:
    """Become one service, beside running stores. Raises StartError.

    Never returns.
    """
    data = data_directory(environ)
    stores = read_published(data)
    if not stores and not named(environ, [f"{name.upper()}_REDIS"]):
        raise StartError(f"no stores run on {data.path}: start them with qbrix infra")
    secrets = {}
    if data.secrets.exists():
        secrets = load_keyring(data).variables()
    files = {"EVENT_LOG_DIR": str(data.decisions)}
    variables = {**secrets, **files, **motor_address(environ), **environ, **stores}
    os.execve(sys.executable, [sys.executable, "-m", f"{name}svc"], variables)
