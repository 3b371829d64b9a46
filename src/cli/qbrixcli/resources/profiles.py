"""Profiles: where a system is and how to enter it, in one file of the user's own.

The file is ``qbrix/profiles.json`` in the directory that ``XDG_CONFIG_HOME`` names,
``~/.config`` by default. Only its owner can read it, and it is replaced as a whole.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from qbrixcli.datadir import write_private
from qbrixcli.resources.errors import UsageError

FIRST = "default"


class Profile(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An address and either a key or the tokens of a login."""

    url: str
    email: str = ""
    api_key: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None

    def __repr__(self) -> str:
        return f"Profile({self.email} at {self.url})"


class Book(msgspec.Struct, kw_only=True):
    """All profiles, and which of them is used where none is named."""

    current: str = FIRST
    profiles: dict[str, Profile] = {}


class ProfileFile:
    """The file of profiles.

    Args:
        path: where it is; its directory is made when something is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> ProfileFile:
        """Where the platform keeps such files."""
        given = Path(environ.get("XDG_CONFIG_HOME", "").strip())
        # a relative one counts as unset, says its specification
        base = given if given.is_absolute() else Path.home() / ".config"
        return cls(base / "qbrix" / "profiles.json")

    def read(self) -> Book:
        """Everything in it, nothing if there is none. Raises UsageError."""
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Book)
        except FileNotFoundError:
            return Book()
        except (OSError, msgspec.MsgspecError) as error:
            raise UsageError(
                f"cannot read {self.path} ({error}): repair or remove it"
            ) from None

    def write(self, book: Book) -> None:
        """Replace everything in it. Raises OSError."""
        text = msgspec.json.format(msgspec.json.encode(book), indent=2)
        write_private(self.path, f"{text.decode()}\n")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Nobody else changes it meanwhile; waits for whoever does."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = self.path.with_suffix(".lock")
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def keep(self, name: str, profile: Profile) -> None:
        """Add or replace one and make it the current one. Raises UsageError."""
        with self._changing() as book:
            book.profiles[name] = profile
            book.current = name

    def forget(self, name: str) -> None:
        """Remove one. Raises UsageError."""
        with self._changing() as book:
            find(book, name)
            del book.profiles[name]

    def use(self, name: str) -> None:
        """Make one the current one. Raises UsageError."""
        with self._changing() as book:
            find(book, name)
            book.current = name

    @contextmanager
    def _changing(self) -> Iterator[Book]:
        try:
            with self.locked():
                book = self.read()
                yield book
                self.write(book)
        except OSError as error:
            raise UsageError(f"cannot write {self.path} ({error.strerror})") from None


def find(book: Book, name: str) -> Profile:
    """One profile by its name. Raises UsageError."""
    if name not in book.profiles:
        known = ", ".join(sorted(book.profiles)) or "none"
        raise UsageError(f"no profile is named {name!r}, there are: {known}")
    return book.profiles[name]
