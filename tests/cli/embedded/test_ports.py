"""Free ports."""

from __future__ import annotations

import socket

from qbrixcli.embedded.ports import free_port
from qbrixcli.embedded.ports import free_ports


def test_a_free_port_can_be_bound() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", free_port()))


def test_several_are_different_and_avoid_what_they_should() -> None:
    first = free_ports(20)
    assert len(set(first)) == 20
    assert not set(free_ports(20, avoid=first)) & set(first)
