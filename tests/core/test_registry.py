"""The registry lists every policy, and listing loads no compiler."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import qbrixcore.policy
from qbrixcore.policy.base import BasePolicy
from qbrixcore.policy.registry import SPECS
from qbrixcore.policy.registry import implementation

LIGHT = (
    "qbrixcore.agent",
    "qbrixcore.callback",
    "qbrixcore.context",
    "qbrixcore.definition",
    "qbrixcore.errors",
    "qbrixcore.experiment",
    "qbrixcore.param.backend",
    "qbrixcore.param.codec",
    "qbrixcore.param.hyper",
    "qbrixcore.param.state",
    "qbrixcore.policy.base",
    "qbrixcore.policy.registry",
    "qbrixcore.policy.screen",
    "qbrixcore.policy.spec",
    "qbrixcore.policy.adversarial.spec",
    "qbrixcore.policy.baseline.spec",
    "qbrixcore.policy.contextual.spec",
    "qbrixcore.policy.contextual.ts_spec",
    "qbrixcore.policy.stochastic.eps_spec",
    "qbrixcore.policy.stochastic.index_spec",
    "qbrixcore.policy.stochastic.spec",
    "qbrixcore.policy.stochastic.ts_spec",
    "qbrixcore.pool",
    "qbrixcore.schema",
)

PROBE = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
from qbrixcore.param import codec
from qbrixcore.policy.registry import SPECS
for spec in SPECS.values():
    stored = codec.fresh(spec, spec.validate(spec.example), 3)
    assert codec.decode(codec.encode(stored)).header.policy == spec.name
loaded = {name.partition(".")[0] for name in sys.modules}
print(sorted(loaded & {"numba", "llvmlite", "qbrixkernels"}))
"""


def test_specs_and_codecs_do_not_load_the_compiler() -> None:
    run = [sys.executable, "-c", PROBE, *LIGHT]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_probe_notices_a_compiler() -> None:
    run = [sys.executable, "-c", PROBE, "qbrixcore.policy.stochastic.ts"]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    assert "numba" in done.stdout


def test_every_policy_is_registered() -> None:
    for module in pkgutil.walk_packages(qbrixcore.policy.__path__, "qbrixcore.policy."):
        importlib.import_module(module.name)
    ours = {
        p for p in _below(BasePolicy) if p.__module__.startswith("qbrixcore.policy.")
    }
    concrete = {p for p in ours if not inspect.isabstract(p)}
    assert {implementation(name) for name in SPECS} == concrete


@pytest.mark.parametrize("name", SPECS)
def test_spec_and_implementation_are_of_one_name(name: str) -> None:
    policy = implementation(name)
    assert policy.__name__ == name == policy.spec.name
    assert policy.spec is SPECS[name]


def _below(cls: type[Any]) -> Iterator[type[Any]]:
    sub: type[Any]
    for sub in cls.__subclasses__():
        yield sub
        yield from _below(sub)
