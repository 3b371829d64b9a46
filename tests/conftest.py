"""The embedded servers as fixtures.

``postgres_server`` and ``redis_server`` hand every test module a clean store. A test
that stops or breaks a server starts one of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.table import ROW
from tests.contract.table import WIRE
from tests.contract.table import Table
from tests.servers import Background
from tests.servers import PostgresCluster
from tests.servers import RedisServer
from tests.servers import ServerDirectory

from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.redis.config import RedisSettings

SYSTEM = Path(__file__).parent / "system"


def pytest_configure(config: pytest.Config) -> None:
    """Rows may be proven in other processes; the table is printed by this one."""
    config.addinivalue_line("markers", ROW)
    config.addinivalue_line("markers", WIRE)
    config.pluginmanager.register(Table())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole systems after all else, and last the files that share a running one.

    Those are short, so that no core waits long for the others at the end, and the
    shared system, which works a little even if nobody asks, does not run all the time.
    """
    sharing = {
        item.path for item in items if "system" in getattr(item, "fixturenames", ())
    }
    items.sort(key=lambda one: (one.path in sharing, one.path.is_relative_to(SYSTEM)))


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores: system tests wait for processes half the time."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def background() -> Iterator[Background]:
    background = Background()
    yield background
    background.close()


@pytest.fixture(scope="session")
def session_directory() -> Iterator[Path]:
    directory = ServerDirectory()
    yield directory.path
    directory.remove()


@pytest.fixture
def server_directory() -> Iterator[Path]:
    """For a server that one test starts itself; pytest's own is closed to others."""
    directory = ServerDirectory()
    yield directory.path
    directory.remove()


@pytest.fixture(scope="session")
def postgres_cluster(
    session_directory: Path, background: Background
) -> PostgresCluster:
    return PostgresCluster(background, session_directory / "postgres")


@pytest.fixture(scope="session")
def redis_process(session_directory: Path, background: Background) -> RedisServer:
    return RedisServer(background, session_directory / "redis")


@pytest.fixture(scope="module")
def postgres_server(postgres_cluster: PostgresCluster) -> Iterator[PostgresSettings]:
    """A database of this module's own, migrated and without rows."""
    settings = postgres_cluster.fresh()
    yield settings
    postgres_cluster.drop(settings)


@pytest.fixture(scope="module")
def redis_server(redis_process: RedisServer) -> RedisSettings:
    """A server with nothing in it when the module starts."""
    redis_process.clear()
    return redis_process.settings
