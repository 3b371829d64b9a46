"""Starts that collide with a system that runs."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from tests.system.running import Up


def test_a_second_up_on_the_same_directory_is_refused(system: Up) -> None:
    second = Up(system.directory)
    second.log = system.directory / "second.log"
    with pytest.raises(AssertionError, match="in use by process"):
        second.start()
    line = second.log.read_text()
    assert line.count("\n") == 1
    assert str(system.process.pid) in line
    assert os.path.exists(system.directory / "data" / "stores.env")


def test_a_taken_port_is_one_line(system: Up, fresh: Callable[..., Up]) -> None:
    port = system.environ["PROXY_GRPC_PORT"]
    second = fresh(PROXY_GRPC_PORT=port)
    with pytest.raises(AssertionError, match=f"port {port} on 127.0.0.1 is taken"):
        second.start()
    assert second.log.read_text().count("\n") == 1
