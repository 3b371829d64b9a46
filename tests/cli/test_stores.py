"""Which stores are embedded."""

from __future__ import annotations

from pathlib import Path

import pytest

from cortexsvc.settings import CortexSettings
from motorsvc.settings import MotorSettings
from proxysvc.settings import ProxySettings
from qbrixcli.datadir import DataDirectory
from qbrixcli.embedded.errors import StartError
from qbrixcli.keyring import Keyring
from qbrixcli.stores import Stores
from qbrixcli.stores import read_published
from qbrixserving.settings import read_settings

REDIS = {f"{user}_REDIS_HOST": "redis.test" for user in ("PROXY", "MOTOR", "CORTEX")}
POSTGRES = {f"{user}_POSTGRES_HOST": "pg.test" for user in ("PROXY", "CORTEX")}


def make(tmp_path: Path, environ: dict[str, str]) -> Stores:
    return Stores(DataDirectory(tmp_path), Keyring(), environ)


def test_both_are_embedded_unless_named(tmp_path: Path) -> None:
    assert [one.name for one in make(tmp_path, {}).servers] == ["valkey", "postgres"]
    assert [one.name for one in make(tmp_path, REDIS).servers] == ["postgres"]
    assert [one.name for one in make(tmp_path, POSTGRES).servers] == ["valkey"]
    assert make(tmp_path, {**REDIS, **POSTGRES}).variables() == {}


@pytest.mark.parametrize("left_out", [*REDIS, *POSTGRES])
def test_a_store_is_named_for_all_or_for_none(tmp_path: Path, left_out: str) -> None:
    environ = {**REDIS, **POSTGRES, left_out: ""}
    with pytest.raises(StartError, match=f"and {left_out} is not: set all of"):
        make(tmp_path, environ)


def test_nodes_name_a_store_as_a_host_does(tmp_path: Path) -> None:
    nodes = {name.replace("HOST", "NODES"): "redis.test:26379" for name in REDIS}
    assert [one.name for one in make(tmp_path, nodes).servers] == ["postgres"]
    some = {**nodes, "MOTOR_REDIS_NODES": ""}
    with pytest.raises(StartError, match="and MOTOR_REDIS_HOST is not: set all of"):
        make(tmp_path, some)


def test_every_service_understands_the_variables(tmp_path: Path) -> None:
    stores = make(tmp_path, {})
    variables = stores.variables()
    assert stores.valkey is not None
    assert stores.postgres is not None
    proxy = read_settings(ProxySettings, "PROXY_", variables)
    motor = read_settings(MotorSettings, "MOTOR_", variables)
    cortex = read_settings(CortexSettings, "CORTEX_", variables)
    for service in (proxy, motor, cortex):
        assert service.redis == stores.valkey.settings
    for keeper in (proxy, cortex):
        assert keeper.postgres == stores.postgres.settings


def test_variables_are_published_privately_and_withdrawn(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    stores = Stores(data, Keyring(), {})
    assert read_published(data) == {}
    stores.publish()
    assert data.stores.stat().st_mode & 0o777 == 0o600
    assert read_published(data) == stores.variables()
    stores.withdraw()
    assert read_published(data) == {}


def test_ports_of_services_are_not_taken(tmp_path: Path) -> None:
    port = make(tmp_path, {}).variables()["PROXY_REDIS_PORT"]
    stores = make(tmp_path, {"PROXY_HTTP_PORT": port})
    assert port not in stores.variables().values()
