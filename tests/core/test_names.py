"""The public import names, and the examples in docstrings."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

import qbrixcore
import qbrixkernels

NAMES = (
    "qbrixcore.policy.stochastic.ts:BetaTSPolicy",
    "qbrixcore.policy.contextual.ucb:LinUCBPolicy",
    "qbrixcore.policy.adversarial.exp:EXP3Policy",
    "qbrixcore.agent:Agent",
    "qbrixcore.pool:Pool",
    "qbrixcore.pool:Arm",
    "qbrixcore.context:Context",
    "qbrixcore.policy.base:BasePolicy",
    "qbrixcore.param.state:BaseParamState",
    "qbrixcore.callback:BaseCallback",
    "qbrixcore.param.backend:BaseParamBackend",
    "qbrixcore.param.backend:InMemoryParamBackend",
)
ALIASES = {
    "qbrixcore.protoc.base:BaseProtocol": "qbrixcore.policy.base:BasePolicy",
    "qbrixcore.protoc.stochastic.ts:BetaTSProtocol": (
        "qbrixcore.policy.stochastic.ts:BetaTSPolicy"
    ),
    "qbrixcore.protoc.stochastic.ts:GaussianTSProtocol": (
        "qbrixcore.policy.stochastic.ts:GaussianTSPolicy"
    ),
    "qbrixcore.protoc.contextual.ts:LinTSProtocol": (
        "qbrixcore.policy.contextual.ts:LinTSPolicy"
    ),
    "qbrixcore.protoc.stochastic.ucb:UCB1TunedProtocol": (
        "qbrixcore.policy.stochastic.ucb:UCB1TunedPolicy"
    ),
    "qbrixcore.protoc.stochastic.ucb:KLUCBProtocol": (
        "qbrixcore.policy.stochastic.ucb:KLUCBPolicy"
    ),
    "qbrixcore.protoc.stochastic.ucb:KLUCBPlusProtocol": (
        "qbrixcore.policy.stochastic.ucb:KLUCBPlusPolicy"
    ),
    "qbrixcore.protoc.stochastic.moss:MOSSProtocol": (
        "qbrixcore.policy.stochastic.moss:MOSSPolicy"
    ),
    "qbrixcore.protoc.stochastic.moss:MOSSAnyTimeProtocol": (
        "qbrixcore.policy.stochastic.moss:MOSSAnyTimePolicy"
    ),
    "qbrixcore.protoc.stochastic.eps:EpsilonProtocol": (
        "qbrixcore.policy.stochastic.eps:EpsilonPolicy"
    ),
    "qbrixcore.protoc.adversarial.fpl:FPLProtocol": (
        "qbrixcore.policy.adversarial.fpl:FPLPolicy"
    ),
    "qbrixcore.protoc.contextual.ucb:LinUCBProtocol": (
        "qbrixcore.policy.contextual.ucb:LinUCBPolicy"
    ),
    "qbrixcore.protoc.adversarial.exp:EXP3Protocol": (
        "qbrixcore.policy.adversarial.exp:EXP3Policy"
    ),
}
MODULES = [
    module.name
    for package in (qbrixcore, qbrixkernels)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__")
]


def load(path: str) -> object:
    module, _, name = path.partition(":")
    return getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("path", NAMES)
def test_public_names_import(path: str) -> None:
    assert load(path)


@pytest.mark.parametrize(("older", "newer"), ALIASES.items())
def test_older_names_are_the_same_classes(older: str, newer: str) -> None:
    assert load(older) is load(newer)


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
