"""The first start: schema, admin, key and quickstart, made once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from collections.abc import Callable
from pathlib import Path

import msgspec

from qbrixcli import credentials as files
from qbrixcli.credentials import Credentials
from qbrixcli.datadir import DataDirectory
from qbrixcli.datadir import write_private
from qbrixcli.embedded.errors import StartError
from qbrixcli.topology import Topology
from qbrixcore.errors import QbrixError
from qbrixstore.postgres.config import PostgresSettings


class Welcome:
    """Makes a system usable.

    A first start that was interrupted is completed by the next one with the same
    credentials: they are written down before they are made valid.
    """

    def __init__(self, data: DataDirectory, topology: Topology) -> None:
        self._data = data
        self._topology = topology
        self._draft = data.path / "credentials.draft.json"
        self.is_first = False
        self.credentials: Credentials | None = None
        self.experiment: str | None = None

    @property
    def certificate(self) -> Path | None:
        """What clients have to trust; None without TLS."""
        return self._topology.certificate

    @property
    def metrics(self) -> list[str]:
        """Where Prometheus finds the services."""
        return self._topology.metrics_urls

    async def prepare(self, settings: PostgresSettings) -> None:
        """Bring Postgres to the current schema and make the admin.

        Raises StartError.
        """
        self.is_first = not self._data.welcomed.exists()
        try:
            # heavy to load, and the servers start meanwhile
            migrate = await asyncio.to_thread(_load_migrate)
            await migrate(settings)
            if self.is_first:
                await self._make_account(settings)
        except QbrixError as error:
            raise StartError(f"postgres: {error}") from error

    async def finish(self) -> None:
        """Make the quickstart on the first start, else look for it.

        Raises StartError.
        """
        from qbrixcli import quickstart

        found = _read(self._draft if self.is_first else self._data.credentials)
        if found is None:
            return
        current = self._with_urls(found)
        self.credentials = current
        shown = self.certificate
        if self.is_first:
            self.experiment = await quickstart.ensure_quickstart(current, shown)
        else:
            self.experiment = await quickstart.find_quickstart(current, shown)
        if self.is_first or current != found:
            write_private(self._data.credentials, files.encode(current))
        self._data.welcomed.touch()
        self._draft.unlink(missing_ok=True)

    async def _make_account(self, settings: PostgresSettings) -> None:
        from qbrixcli.account import ensure_account

        wanted = _read(self._draft) or files.new_credentials(
            self._topology.http_url, self._topology.grpc_url
        )
        write_private(self._draft, files.encode(wanted))
        made = await ensure_account(settings, wanted)
        write_private(self._draft, files.encode(made))

    def _with_urls(self, credentials: Credentials) -> Credentials:
        return msgspec.structs.replace(
            credentials,
            http_url=self._topology.http_url,
            grpc_url=self._topology.grpc_url,
        )


def _read(path: Path) -> Credentials | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Credentials)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise StartError(
            f"cannot read {path} ({error}): restore or remove it"
        ) from None


def _load_migrate() -> Callable[[PostgresSettings], Awaitable[None]]:
    from qbrixstore.postgres.migrate import migrate

    return migrate
