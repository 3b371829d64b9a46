"""The files of an embedded Postgres: where they lie and how they come to be."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.places import Account
from qbrixcli.embedded.places import reachable_directory
from qbrixcli.embedded.places import runnable_tree
from qbrixcli.embedded.wheels import postgres_tree

PARTS = ("bin", "lib", "share")
CLUSTER = "cluster"


def programs(account: Account) -> Path:
    """Folder of the Postgres programs, runnable for the account."""
    return runnable_tree(postgres_tree(), PARTS, account) / "bin"


def environment() -> dict[str, str]:
    """Our environment without what would steer Postgres elsewhere."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PG")}
    return {**kept, "LC_ALL": "C", "TZ": "UTC"}


async def ready_cluster(
    directory: Path, user: str, password: str, account: Account
) -> Path:
    """Path of the cluster for a data directory, made if there is none.

    Raises StartError if it cannot be made.
    """
    place = reachable_directory(directory, account, CLUSTER)
    cluster = place / CLUSTER
    if not cluster.is_dir():
        await _create(cluster, user, password, account)
    # its owner is known to be gone: whoever starts it holds the lock of the directory
    (cluster / "postmaster.pid").unlink(missing_ok=True)
    return cluster


async def _create(cluster: Path, user: str, password: str, account: Account) -> None:
    draft = cluster.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    secret = cluster.with_suffix(".secret")
    secret.unlink(missing_ok=True)
    secret.touch(mode=0o600)
    secret.write_text(password)
    if not account.is_self:
        for path in (draft, secret):
            os.chown(path, account.uid, account.gid)
    try:
        await _initdb(draft, user, secret, account)
    finally:
        secret.unlink()
    draft.rename(cluster)


async def _initdb(draft: Path, user: str, secret: Path, account: Account) -> None:
    process = await asyncio.create_subprocess_exec(
        str(programs(account) / "initdb"),
        *("-D", str(draft), "-U", user, "--pwfile", str(secret)),
        # bytes decide the order of text, and unicode what its upper case is
        *("-E", "UTF8", "--locale=C", "--auth=scram-sha-256"),
        *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
        env=environment(),
        cwd="/",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        **account.options,  # type: ignore[arg-type]
    )
    output, _ = await process.communicate()
    if process.returncode:
        lines = " | ".join(output.decode(errors="replace").splitlines()[-3:])
        raise StartError(f"initdb failed: {lines}")
