"""The policies an experiment may name.

Specs are listed eagerly and import no kernels; implementations load on first use.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from typing import Any
from typing import Final

from qbrixcore.errors import UnknownPolicy
from qbrixcore.policy.adversarial import spec as adversarial
from qbrixcore.policy.baseline import spec as baseline
from qbrixcore.policy.contextual import spec as contextual
from qbrixcore.policy.meta import spec as meta
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.policy.stochastic import eps_spec as epsilon
from qbrixcore.policy.stochastic import index_spec as indices
from qbrixcore.policy.stochastic import spec as stochastic

if TYPE_CHECKING:
    from qbrixcore.policy.base import BasePolicy

_ALL: Final = (
    *stochastic.SPECS,
    *indices.SPECS,
    *epsilon.SPECS,
    *contextual.SPECS,
    *adversarial.SPECS,
    *baseline.SPECS,
    *meta.SPECS,
)

# names that stand for a policy without being its own
NICKNAMES: Final[Mapping[str, str]] = MappingProxyType({"auto": "MetaBanditPolicy"})

SPECS: Final[Mapping[str, PolicySpec]] = MappingProxyType(
    {spec.name: spec for spec in _ALL}
)


def find_spec(name: str) -> PolicySpec:
    """The spec of a policy, which ``auto`` also names. Raises UnknownPolicy."""
    try:
        return SPECS[NICKNAMES.get(name, name)]
    except KeyError:
        raise UnknownPolicy(f"unknown policy: {name}", known=sorted(SPECS)) from None


def implementation(policy: PolicySpec | str) -> type[BasePolicy[Any]]:
    """The class that runs a policy; imports its kernels. Raises UnknownPolicy."""
    spec = find_spec(policy) if isinstance(policy, str) else policy
    return _load(spec.implementation)


@functools.cache
def _load(path: str) -> type[BasePolicy[Any]]:
    module, _, name = path.partition(":")
    loaded: type[BasePolicy[Any]] = getattr(importlib.import_module(module), name)
    return loaded
