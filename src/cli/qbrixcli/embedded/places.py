"""Who runs the embedded Postgres, and where that user can read and write.

Postgres refuses uid 0, so root lends it to ``nobody``, who cannot enter a root-only
home nor anything below one.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import sys
import tempfile
from pathlib import Path

import msgspec

from qbrixcli.embedded.errors import StartError

NOBODY = 65534
SYSTEM_ROOT = Path("/var/lib/qbrix")
ENTER = 0o711
RECORD = "place"


class Account(msgspec.Struct, frozen=True):
    """User and group a server runs as."""

    uid: int
    gid: int

    @property
    def is_self(self) -> bool:
        """Whether it is the account of this process."""
        return self.uid == os.geteuid()

    @property
    def options(self) -> dict[str, object]:
        """Arguments for a subprocess that shall run as this account."""
        if self.is_self:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def server_account() -> Account:
    """Ourselves, or ``nobody`` when we are root."""
    if os.geteuid() != 0:
        return Account(uid=os.geteuid(), gid=os.getegid())
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Account(uid=NOBODY, gid=NOBODY)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid)


def can_enter(path: Path, account: Account) -> bool:
    """Whether the account may pass through every existing part of an absolute path."""
    return account.is_self or all(
        _may_pass(part.stat(), account)
        for part in [path, *path.parents]
        if part.exists()
    )


def _may_pass(status: os.stat_result, account: Account) -> bool:
    if status.st_uid == account.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == account.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def place_for(wanted: Path, account: Account) -> Path:
    """The wanted directory if the account can reach it, else the one in its place.

    Once data lies somewhere it is looked for there, whatever became of the folders.
    """
    record = wanted / RECORD
    if record.is_file():
        return Path(record.read_text())
    if can_enter(wanted, account):
        return wanted
    return _fallback_root(wanted) / f"data-{_name(bytes(wanted))}"


def reachable_directory(wanted: Path, account: Account, content: str) -> Path:
    """The place of an existing directory, made if there is no ``content`` yet.

    Raises StartError if that was there and cannot be reached, or is somebody else's.
    """
    place = place_for(wanted, account)
    known = (wanted / RECORD).is_file()
    if place == wanted:
        return wanted
    if known and not place.is_dir():
        raise StartError(f"the data of {wanted} was in {place}: restore it there")
    if not known and (wanted / content).is_dir():
        raise StartError(
            f"postgres runs as nobody, who cannot enter {wanted} any more:"
            " let others pass through the folders above it"
        )
    if not known:
        _say(f"postgres runs as nobody, who cannot enter {wanted}: it uses {place}")
        (wanted / RECORD).write_text(str(place))
    _own(place.parent)
    return _own(place)


def runnable_tree(tree: Path, parts: tuple[str, ...], account: Account) -> Path:
    """A program tree the account can run: itself, or a copy of some parts of it."""
    if can_enter(tree / "bin" / "postgres", account):
        return tree
    version = f"{tree} {tree.stat().st_mtime_ns}".encode()
    copy = _own(SYSTEM_ROOT) / f"postgres-{_name(version)}"
    if not copy.is_dir():
        _say(f"postgres runs as nobody, who cannot enter {tree}: it uses {copy}")
        _copy(tree, parts, copy)
    return copy


def _copy(tree: Path, parts: tuple[str, ...], target: Path) -> None:
    draft = Path(tempfile.mkdtemp(dir=target.parent))
    for part in parts:
        shutil.copytree(tree / part, draft / part, symlinks=True)
    for path in [draft, *draft.rglob("*")]:
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
            path.chmod(0o755 if runs else 0o644)
    try:
        draft.rename(target)
    except OSError:  # another process was faster
        shutil.rmtree(draft)


def _fallback_root(wanted: Path) -> Path:
    scratch = Path(tempfile.gettempdir()).resolve()
    if wanted.resolve().is_relative_to(scratch):
        return scratch / f"qbrix-{os.geteuid()}"
    return SYSTEM_ROOT


def _own(directory: Path) -> Path:
    directory.mkdir(mode=ENTER, parents=True, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise StartError(f"{directory} belongs to somebody else: remove it")
    directory.chmod(ENTER)
    return directory


def _name(source: bytes) -> str:
    return hashlib.sha256(source).hexdigest()[:16]


def _say(line: str) -> None:
    print(f"qbrix: {line}", file=sys.stderr)
