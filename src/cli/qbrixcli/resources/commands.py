"""All commands that speak to a running system."""

from __future__ import annotations

from typing import Any

from qbrixcli.resources.agent import add_agent
from qbrixcli.resources.experiment import add_experiment
from qbrixcli.resources.gate import add_gate
from qbrixcli.resources.key import add_key
from qbrixcli.resources.login import add_login
from qbrixcli.resources.lookup import add_lookup
from qbrixcli.resources.pool import add_pool
from qbrixcli.resources.tree import Branch
from qbrixcli.resources.user import add_user


def add_resources(commands: Any) -> None:
    """Put them beside the commands of the machine itself."""
    top = Branch(commands)
    add_login(top)
    add_pool(top)
    add_experiment(top)
    add_gate(top)
    add_agent(top)
    add_key(top)
    add_user(top)
    add_lookup(top)
