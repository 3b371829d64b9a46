"""What is refused before anything is connected, each in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.proxy.edge.certificates import make_pair

from cortexsvc.settings import CortexSettings
from motorsvc.settings import MotorSettings
from proxysvc.settings import ProxySettings
from qbrixserving.settings import SettingsError
from qbrixserving.settings import read_settings
from qbrixstore.redis import RedisSettings

SERVICES = {"PROXY_": ProxySettings, "MOTOR_": MotorSettings, "CORTEX_": CortexSettings}
each_service = pytest.mark.parametrize("prefix", SERVICES)


def read(prefix: str, **given: str) -> RedisSettings:
    environ = {f"{prefix}REDIS_{name}": value for name, value in given.items()}
    settings: RedisSettings = read_settings(SERVICES[prefix], prefix, environ).redis  # type: ignore[attr-defined,type-var]
    return settings


def refusal(prefix: str = "MOTOR_", **given: str) -> str:
    with pytest.raises(SettingsError) as raised:
        read(prefix, **given)
    return str(raised.value)


@each_service
def test_a_user_wants_a_password(prefix: str) -> None:
    expected = f"{prefix}REDIS_PASSWORD: not set, wants that of the user in USER"
    assert refusal(prefix, USER="qbrix") == expected
    assert read(prefix, USER="qbrix", PASSWORD="secret").user == "qbrix"


def test_an_authority_without_tls_is_refused(tmp_path: Path) -> None:
    authority = str(make_pair(tmp_path).cert)
    expected = "MOTOR_REDIS_TLS: got 'false' while TLS_CA is set, wants true"
    assert refusal(TLS_CA=authority) == expected
    assert read("MOTOR_", TLS_CA=authority, TLS="true").context() is not None


def test_an_authority_must_be_a_certificate(tmp_path: Path) -> None:
    missing, nonsense = tmp_path / "missing.pem", tmp_path / "nonsense.pem"
    nonsense.write_text("nonsense")
    assert refusal(TLS="true", TLS_CA=str(missing)) == (
        f"MOTOR_REDIS_TLS_CA: got {missing}, wants certificates in PEM"
        " (no such file or directory)"
    )
    assert refusal(TLS="true", TLS_CA=str(nonsense)).startswith(
        f"MOTOR_REDIS_TLS_CA: got {nonsense}, wants certificates in PEM ("
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            {"NODES": "a:1"},
            "MODE: got 'standalone' while NODES is set, wants another",
        ),
        ({"MODE": "sentinel"}, "NODES: not set, wants host:port,… with MODE=sentinel"),
        ({"MODE": "cluster"}, "NODES: not set, wants host:port,… with MODE=cluster"),
        ({"MODE": "x"}, "MODE: got 'x', wants cluster or sentinel or standalone"),
        (
            {"SENTINEL_PASSWORD": "hunter2"},
            "SENTINEL_PASSWORD: set, wants MODE=sentinel",
        ),
        *(
            (
                {"MODE": "sentinel", "NODES": f"a:1,{bad}"},
                f"NODES: got {bad!r}, wants host:port",
            )
            for bad in ("b", "b:", ":1", "b:0", "b:65536", "b:x", "redis://b", "b:²")
        ),
    ],
)
def test_modes_and_nodes_belong_together(given: dict[str, str], expected: str) -> None:
    assert refusal("CORTEX_", **given) == f"CORTEX_REDIS_{expected}"


@pytest.mark.parametrize(
    ("text", "host"),
    [("a.example:1", "a.example"), ("[::1]:1", "::1"), (" 10.0.0.1:1 ", "10.0.0.1")],
)
def test_nodes_are_hosts_and_ports(text: str, host: str) -> None:
    settings = RedisSettings(mode="sentinel", nodes=(text,))
    assert settings.addresses == [(host, 1)]


def test_nothing_secret_is_shown() -> None:
    given = {"MODE": "sentinel", "NODES": "a:1", "SENTINEL_PASSWORD": "hunter3"}
    shown = repr(read("PROXY_", USER="qbrix", PASSWORD="hunter2", **given))
    assert shown == "RedisSettings(sentinel a:1)"
