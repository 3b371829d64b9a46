"""Which system a command speaks to, and as whom."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from qbrixcli.credentials import Credentials
from qbrixcli.datadir import data_directory
from qbrixcli.resources.errors import UsageError
from qbrixcli.resources.profiles import Profile
from qbrixcli.resources.profiles import ProfileFile
from qbrixcli.resources.profiles import find
from qbrixcli.resources.settings import PREFIX
from qbrixcli.resources.settings import ClientSettings
from qbrixserving.settings import SettingsError
from qbrixserving.settings import read_settings

URL = "http://127.0.0.1:8080"
MISSING = "nobody is logged in: start qbrix up in this directory, or run qbrix login"


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """An address and credentials, and where they come from."""

    profile: Profile
    source: str
    name: str | None = None
    """of the profile to keep renewed tokens in"""

    @property
    def url(self) -> str:
        """Where the system is."""
        return self.profile.url


def find_connection(
    wanted: str | None, environ: Mapping[str, str], file: ProfileFile
) -> Connection:
    """The one to use. Raises UsageError.

    In this order: the profile that ``--profile`` names, ``QBRIX_API_KEY``, the profile
    that ``QBRIX_PROFILE`` names, the current profile, the ``credentials.json`` of the
    data directory. ``QBRIX_URL`` replaces the address of all but the first; with it,
    the key of the last is not sent. A key of the environment alone goes to the address
    that would have been used without it.
    """
    if wanted is not None:
        return _named(wanted, find(file.read(), wanted))
    settings = read_client_settings(environ)
    url = None if settings.url is None else checked_url(settings.url)
    kept = _unnamed(settings, environ, file, url is not None)
    return kept if url is None else _at(url, kept)


def _unnamed(
    settings: ClientSettings,
    environ: Mapping[str, str],
    file: ProfileFile,
    elsewhere: bool,
) -> Connection:
    if settings.api_key is not None:
        return _of_key(settings.api_key, settings, environ, file)
    kept = _kept(settings.profile, file)
    if kept is None and elsewhere:
        return Connection(profile=Profile(url=URL), source=f"{PREFIX}URL")
    kept = kept or _made(environ)
    if kept is None:
        raise UsageError(MISSING)
    return kept


def read_client_settings(environ: Mapping[str, str]) -> ClientSettings:
    """The variables of the commands. Raises UsageError."""
    try:
        return read_settings(ClientSettings, PREFIX, environ)
    except SettingsError as error:
        raise UsageError(str(error)) from None


def checked_url(text: str) -> str:
    """An address without a slash at its end. Raises UsageError."""
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname)
        parts.port  # noqa: B018 raises ValueError
    except ValueError:
        whole = False
    if not whole or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{text!r} is no address such as {URL}")
    return text.rstrip("/")


def _named(name: str, profile: Profile) -> Connection:
    return Connection(profile=profile, source=f"profile {name}", name=name)


def _kept(name: str | None, file: ProfileFile) -> Connection | None:
    book = file.read()
    if name is None and book.current not in book.profiles:
        return None
    name = name or book.current
    return _named(name, find(book, name))


def _at(url: str, kept: Connection) -> Connection:
    moved = msgspec.structs.replace(kept.profile, url=url)
    return msgspec.structs.replace(kept, profile=moved)


def _of_key(
    key: str,
    settings: ClientSettings,
    environ: Mapping[str, str],
    file: ProfileFile,
) -> Connection:
    kept = _kept(settings.profile, file) or _made(environ)
    url = URL if kept is None else kept.url
    profile = Profile(url=url, api_key=str(key))
    return Connection(profile=profile, source=f"{PREFIX}API_KEY")


def _made(environ: Mapping[str, str]) -> Connection | None:
    """What the first start of a system in the data directory wrote down."""
    path = data_directory(environ).credentials
    try:
        made = msgspec.json.decode(path.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise UsageError(f"cannot read {path} ({error})") from None
    profile = Profile(url=made.http_url, email=made.email, api_key=made.api_key)
    return Connection(profile=profile, source=str(path))
