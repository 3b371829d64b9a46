"""Everything that is decided before anything is started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from qbrixcli.datadir import DataDirectory
from qbrixcli.embedded.ports import free_ports
from qbrixcli.keyring import Keyring
from qbrixcli.keyring import load_keyring
from qbrixcli.stores import Stores
from qbrixcli.topology import Topology
from qbrixcli.topology import motor_address


class MoreMotor(NamedTuple):
    """The ports of a motor; the one for metrics is 0 if there are none."""

    port: int
    metrics_port: int

    def variables(self) -> dict[str, str]:
        """In the environment of that motor alone."""
        return {
            "MOTOR_GRPC_PORT": str(self.port),
            "MOTOR_METRICS_PORT": str(self.metrics_port),
        }


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which stores are ours, what the services read and where they listen.

    ``more_motors`` are those beside the one of the topology.
    """

    stores: Stores
    environ: dict[str, str]
    topology: Topology
    more_motors: Sequence[MoreMotor] = ()

    def __repr__(self) -> str:
        return f"Plan({self.topology.http_url})"


def make_plan(data: DataDirectory, given: Mapping[str, str], motors: int = 1) -> Plan:
    """For an open data directory and the variables that somebody set.

    Raises StartError for a wrong variable, or a port that is taken.
    """
    keyring = load_keyring(data)
    stores = Stores(data, keyring, given)
    more = _more_motors(motors - 1, {**given, **stores.variables()})
    files = given.get("EVENT_LOG_DIR", "").strip() or str(data.decisions)
    told = {**given, "EVENT_LOG_DIR": files}
    ports = [motor.port for motor in more]
    environ = service_environment(stores, keyring, told, ports)
    topology = Topology.read(environ)
    topology.probe()
    return Plan(stores=stores, environ=environ, topology=topology, more_motors=more)


def _more_motors(count: int, planned: Mapping[str, str]) -> list[MoreMotor]:
    """On free ports that nothing else is going to take."""
    said = [value for name, value in planned.items() if name.endswith("_PORT")]
    taken = {int(value) for value in said if value.strip().isdigit()}
    ports = free_ports(2 * count, taken)
    if planned.get("MOTOR_METRICS_PORT", "").strip() == "0":
        return [MoreMotor(port, 0) for port in ports[:count]]
    return [MoreMotor(*pair) for pair in zip(ports[::2], ports[1::2], strict=True)]


def service_environment(
    stores: Stores,
    keyring: Keyring,
    given: Mapping[str, str],
    more_motors: Sequence[int] = (),
) -> dict[str, str]:
    """What the services get: what was given, and ours where nothing was."""
    ours = {
        **keyring.variables(),
        **motor_address({**given, **stores.variables()}, more_motors),
    }
    chosen = {name: value for name, value in given.items() if value.strip()}
    return {**os.environ, **ours, **chosen, **stores.variables()}
