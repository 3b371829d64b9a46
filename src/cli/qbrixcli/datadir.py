"""The data directory: where everything lies that must survive a restart.

=================  ================================================================
``version``        layout of this directory
``lock``           held by the supervisor and all that it started
``secrets.json``   passwords of the stores, secret of the selection tokens
``credentials.json``  address, admin and API key of the first start
``welcomed``       there once the first start was completed
``stores.env``     how to reach the embedded stores, while they run
``valkey/``        data of the embedded Valkey
``postgres/``      data of the embedded Postgres
``decisions/``     the decision log, as EVENT_LOG=parquet writes it
=================  ================================================================
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping
from pathlib import Path

from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.lock import DirectoryLock

VARIABLE = "QBRIX_DATA_DIR"
DEFAULT = ".qbrix"
VERSION = "1"
RELEASE_SEC = 15.0
ELSEWHERE = f"set {VARIABLE} to another directory"


class DataDirectory:
    """A directory of ours, open for one supervisor at a time.

    Args:
        path: where it is; created when it is opened for the first time.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.lock = DirectoryLock(self.path)

    @property
    def credentials(self) -> Path:
        """Address, admin and API key, once the first start was completed."""
        return self.path / "credentials.json"

    @property
    def secrets(self) -> Path:
        """Secrets of stores and tokens."""
        return self.path / "secrets.json"

    @property
    def welcomed(self) -> Path:
        """Marks a completed first start."""
        return self.path / "welcomed"

    @property
    def stores(self) -> Path:
        """Variables of the embedded stores, while they run."""
        return self.path / "stores.env"

    @property
    def valkey(self) -> Path:
        """Data of the embedded Valkey."""
        return self.path / "valkey"

    @property
    def postgres(self) -> Path:
        """Data of the embedded Postgres."""
        return self.path / "postgres"

    @property
    def decisions(self) -> Path:
        """Files of the decision log."""
        return self.path / "decisions"

    async def open(self) -> None:
        """Lock it, and create what is missing. Raises StartError."""
        try:
            self._create()
            self.check()
            await self._claim()
            self._mark()
        except OSError as error:
            raise StartError(
                f"cannot write {error.filename or self.path}"
                f" ({error.strerror}): make it writable, or {ELSEWHERE}"
            ) from error

    def close(self) -> None:
        """Let go of it."""
        self.lock.release()

    def check(self) -> None:
        """Raises StartError unless it is ours to use, or empty."""
        version = self.path / "version"
        if not version.exists():
            if any(entry.name != "lock" for entry in self.path.iterdir()):
                raise StartError(
                    f"{self.path} is not empty and not a data directory of qbrix:"
                    f" {ELSEWHERE}"
                )
            return
        self._check_owner(version.stat().st_uid)
        found = version.read_text().strip()
        if found != VERSION:
            raise StartError(
                f"{self.path} was written by another version of qbrix (layout {found},"
                f" this one reads {VERSION}): use that version, or {ELSEWHERE}"
            )

    def _check_owner(self, uid: int) -> None:
        if uid == os.geteuid():
            return
        try:
            name = pwd.getpwuid(uid).pw_name
        except KeyError:
            name = str(uid)
        raise StartError(
            f"{self.path} belongs to user {name}: start qbrix as {name}, or {ELSEWHERE}"
        )

    def _create(self) -> None:
        if not self.path.exists():
            # nobody, who runs postgres for root, must be able to pass
            self.path.mkdir(parents=True, mode=0o711 if os.geteuid() == 0 else 0o700)

    async def _claim(self) -> None:
        if self.lock.try_acquire():
            return
        owner = self.lock.owner()
        if not _lives(owner) and await self.lock.acquire(RELEASE_SEC):
            return
        raise StartError(
            f"{self.path} is in use by process {owner}: stop it first, or {ELSEWHERE}"
        )

    def _mark(self) -> None:
        version = self.path / "version"
        if not version.exists():
            (self.path / ".gitignore").write_text("*\n")
            write_private(version, f"{VERSION}\n")


def data_directory(environ: Mapping[str, str]) -> DataDirectory:
    """The directory that ``QBRIX_DATA_DIR`` names."""
    return DataDirectory(Path(environ.get(VARIABLE, "").strip() or DEFAULT))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, completely or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(fd)
    draft.replace(path)


def _lives(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
