"""The decision log as commands read it, whatever keeps it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from collections.abc import Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from qbrixcli.datadir import data_directory
from qbrixcli.embedded.errors import StartError
from qbrixcore.errors import QbrixError
from qbrixserving.event_log import EventLog
from qbrixserving.event_log import EventLogDir
from qbrixserving.settings import SettingsError
from qbrixserving.settings import read_settings
from qbrixstore.decisions import DecisionReader
from qbrixstore.parquet.reading import ParquetDecisions
from qbrixstore.parquet.reading import holds_any
from qbrixstore.postgres import Limits
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.postgres import system_session
from qbrixstore.postgres.decisions import DecisionLog

PATIENT: Final = Limits(statement=0, reply=0, idle_transaction=0)


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the decision log is."""

    event_log: EventLog = "off"
    event_log_dir: EventLogDir | None = None


class Opened(msgspec.Struct, frozen=True):
    """The decision log, and the database beside it."""

    reader: DecisionReader
    session: AsyncSession


@asynccontextmanager
async def opened(
    settings: PostgresSettings, environ: Mapping[str, str]
) -> AsyncIterator[Opened]:
    """The log that EVENT_LOG names; if it names none, the one that holds anything.

    Raises StartError.
    """
    files = _files(environ)
    engine = init_db(settings, PATIENT)
    try:
        async with system_session(engine) as session:
            reader: DecisionReader = DecisionLog(session)
            if files is not None:
                reader = ParquetDecisions(files)
            yield Opened(reader, session)
    except (QbrixError, OSError) as error:
        raise StartError(str(error)) from error
    finally:
        await engine.dispose()


def _files(environ: Mapping[str, str]) -> Path | None:
    try:
        named = read_settings(LogSettings, "", environ)
    except SettingsError as error:
        raise StartError(str(error)) from error
    if named.event_log_dir is not None:
        root = Path(named.event_log_dir)
    else:
        root = data_directory(environ).decisions
    if named.event_log == "parquet":
        return root
    return root if named.event_log == "off" and holds_any(root) else None
