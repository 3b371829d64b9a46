"""Everything that is decided before anything is started."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from qbrixcli.datadir import DataDirectory
from qbrixcli.keyring import Keyring
from qbrixcli.keyring import load_keyring
from qbrixcli.stores import Stores
from qbrixcli.topology import Topology
from qbrixcli.topology import motor_address


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which stores are ours, what the services read and where they listen."""

    stores: Stores
    environ: dict[str, str]
    topology: Topology

    def __repr__(self) -> str:
        return f"Plan({self.topology.http_url})"


def make_plan(data: DataDirectory, given: Mapping[str, str]) -> Plan:
    """For an open data directory and the variables that somebody set.

    Raises StartError for a wrong variable, or a port that is taken.
    """
    keyring = load_keyring(data)
    stores = Stores(data, keyring, given)
    environ = service_environment(stores, keyring, given)
    topology = Topology.read(environ)
    topology.probe()
    return Plan(stores=stores, environ=environ, topology=topology)


def service_environment(
    stores: Stores, keyring: Keyring, given: Mapping[str, str]
) -> dict[str, str]:
    """What the services get: what was given, and ours where nothing was."""
    ours = {
        **keyring.variables(),
        **motor_address({**given, **stores.variables()}),
    }
    chosen = {name: value for name, value in given.items() if value.strip()}
    return {**os.environ, **ours, **chosen, **stores.variables()}
