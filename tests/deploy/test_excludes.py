"""What an image leaves out is not imported by what runs in it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions

import pytest
from tests.deploy.rendered import ROOT

# packages that come along with what is left out
BELOW = {"qbrixkernels": ("numba", "llvmlite")}
EVERY_MODULE = """
import importlib, pkgutil, sys
for name in sys.argv[2:]:
    sys.modules[name] = None  # an import of it fails
package = importlib.import_module(sys.argv[1])
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
"""


def excluded(service: str) -> list[str]:
    """Names of the packages, as they are imported."""
    text = (ROOT / "docker" / f"{service}.excludes").read_text()
    lines = set(re.findall(r"^[\w-]+", text, re.MULTILINE))
    names = {line.replace("-", "") for line in lines}
    for name, distributions in packages_distributions().items():
        if lines & {one.lower().replace("_", "-") for one in distributions}:
            names.add(name)
    return [*names, *(more for name in names for more in BELOW.get(name, ()))]


def imported(service: str, *absent: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", EVERY_MODULE, f"{service}svc", *absent]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("service", ["proxy", "motor"])
def test_a_service_runs_without_what_its_image_leaves_out(service: str) -> None:
    absent = excluded(service)
    assert absent
    ran = imported(service, *absent)
    assert ran.returncode == 0, ran.stderr


def test_a_package_that_is_needed_would_be_missed() -> None:
    assert "redis" in imported("motor", "redis").stderr
