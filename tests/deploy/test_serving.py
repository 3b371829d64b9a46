"""What the chart says runs: each workload with its own command and variables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.deploy.kubelet import Running
from tests.deploy.rendered import Container
from tests.deploy.rendered import containers
from tests.deploy.rendered import manifests
from tests.deploy.visitor import use
from tests.servers import PostgresCluster
from tests.servers import ServerDirectory

from qbrixcli.embedded.ports import free_ports
from qbrixstore.postgres.config import PostgresSettings
from qbrixstore.redis.config import RedisSettings

SERVICES = ("motor", "cortex", "proxy")


@pytest.fixture
def database(postgres_cluster: PostgresCluster) -> Iterator[PostgresSettings]:
    """A database in which nothing is, not even a schema."""
    settings = postgres_cluster.empty()
    yield settings
    postgres_cluster.drop(settings)


@pytest.fixture
def rendered(
    helm: str, database: PostgresSettings, redis_server: RedisSettings
) -> dict[str, Container]:
    """In production's own form, with nothing changed but where everything is."""
    http, grpc, motor, cortex = free_ports(4)
    values = {
        "global.listen": "127.0.0.1",
        "global.postgres.host": database.host,
        "global.postgres.port": database.port,
        "global.postgres.user": database.user,
        "global.postgres.password": database.password,
        "global.postgres.database": database.database,
        "global.postgres.sslmode": database.sslmode,
        "global.redis.host": redis_server.host,
        "global.redis.port": redis_server.port,
        "global.redis.password": redis_server.password,
        "proxy.ports.http": http,
        "proxy.ports.grpc": grpc,
        "proxy.motor.host": "127.0.0.1",
        "proxy.motor.port": motor,
        "proxy.secrets.tokenSecretKeys[0]": "a-secret-that-is-long-enough-for-tokens",
        "proxy.secrets.jwtSecretKey": "a-secret-that-is-long-enough-for-logins",
        "proxy.config.PROXY_REGISTRATION": "open",
        "motor.port": motor,
        "cortex.port": cortex,
    }
    given = [f"--set={name}={value}" for name, value in values.items()]
    return containers(manifests(helm, *given))


@pytest.fixture
def folder() -> Iterator[Path]:
    directory = ServerDirectory()
    yield directory.path
    directory.remove()


def test_the_rendered_workloads_select_and_learn(
    rendered: dict[str, Container], folder: Path
) -> None:
    migration = Running(rendered["migrate"], folder)
    assert migration.ended() == 0, migration.said
    assert "the current schema" in migration.said
    running = [Running(rendered[name], folder) for name in SERVICES]
    try:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            for service in running:
                service.until(probe)
        proxy = rendered["proxy"]
        http, grpc = (f"127.0.0.1:{proxy.port(name)}" for name in ("http", "grpc"))
        use(f"http://{http}", grpc)
        stopped = [service.stop() for service in reversed(running)]
        assert stopped == [0, 0, 0], [service.said for service in running]
    finally:
        for service in running:
            service.put_away()
