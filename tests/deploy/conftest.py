"""The helm binary, as ``make test`` fetches it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def load(path: str) -> ModuleType:
    """A script of ours that belongs to no package."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(f"script_{name}", ROOT / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def check() -> ModuleType:
    """What ``make helm-lint`` runs."""
    return load("helm/check.py")


@pytest.fixture(scope="session")
def helm(check: ModuleType) -> str:
    found = check.tool("helm")
    if found is None:
        pytest.skip("helm is missing: make helm-lint fetches it for Linux on x86-64")
    return str(found)
