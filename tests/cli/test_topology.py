"""Settings and ports of all services."""

from __future__ import annotations

import socket

import pytest

from qbrixcli.embedded.errors import StartError
from qbrixcli.embedded.ports import free_ports
from qbrixcli.topology import PORTS
from qbrixcli.topology import Topology
from qbrixcli.topology import motor_address


def ports() -> dict[str, str]:
    return dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))


def test_free_ports_pass() -> None:
    Topology.read(ports()).probe()


@pytest.mark.parametrize("variable", PORTS)
def test_a_taken_port_is_named_with_its_variable(variable: str) -> None:
    environ = ports()
    with socket.socket() as listener:
        # a sharing listener would let a second one in
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", int(environ[variable])))
        listener.listen()
        with pytest.raises(StartError) as caught:
            Topology.read(environ).probe()
    assert f"port {environ[variable]} on 127.0.0.1 is taken" in str(caught.value)
    assert f"set {variable} to another port" in str(caught.value)


def test_a_port_is_given_once() -> None:
    environ = ports()
    environ["MOTOR_GRPC_PORT"] = environ["PROXY_GRPC_PORT"]
    with pytest.raises(StartError, match="MOTOR_GRPC_PORT and PROXY_GRPC_PORT"):
        Topology.read(environ).probe()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartError, match="cannot listen on 192.0.2.1.*PROXY_HTTP_HOST"):
        Topology.read({**ports(), "PROXY_HTTP_HOST": "192.0.2.1"}).probe()


def test_a_bad_value_says_what_is_wanted() -> None:
    with pytest.raises(StartError, match="MOTOR_GRPC_PORT: got 'abc', wants an int"):
        Topology.read({"MOTOR_GRPC_PORT": "abc"})


def test_clients_are_sent_to_an_address_they_can_dial() -> None:
    environ = {"PROXY_HTTP_HOST": "0.0.0.0", "MOTOR_GRPC_HOST": "0.0.0.0"}
    assert Topology.read(environ).http_url == "http://127.0.0.1:8080"
    assert Topology.read(environ).grpc_url == "grpc://127.0.0.1:50050"
    assert motor_address(environ)["PROXY_MOTOR_HOST"] == "127.0.0.1"
    assert motor_address({"MOTOR_GRPC_PORT": "9"})["PROXY_MOTOR_PORT"] == "9"


@pytest.mark.parametrize(
    ("host", "addresses"),
    [
        ("0.0.0.0", ["127.0.0.1:9", "127.0.0.1:10", "127.0.0.1:11"]),
        ("::1", ["[::1]:9", "[::1]:10", "[::1]:11"]),
    ],
)
def test_the_proxy_is_led_to_every_motor(host: str, addresses: list[str]) -> None:
    environ = {**ports(), "MOTOR_GRPC_HOST": host, "MOTOR_GRPC_PORT": "9"}
    environ |= motor_address(environ, [10, 11])
    found = Topology.read(environ).proxy.motor.places
    assert [place.address for place in found] == addresses
