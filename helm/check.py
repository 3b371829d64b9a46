"""Lints and renders the chart, and holds it against the schemas of Kubernetes.

``check.py`` does it for every file of values; helm and kubernetes-validate come from
``.tools`` or from the path.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
CHART: Final = ROOT / "helm" / "qbrix"
VERSIONS: Final = ("1.30", "1.35")
OPERATORS: Final = "apiVersion: monitoring.coreos.com/"
VALUES: Final = (
    CHART / "values-dev.yaml",
    CHART / "values-example.yaml",
    ROOT / "tests" / "deploy" / "everything.yaml",
    ROOT / "tests" / "deploy" / "sentinels.yaml",
)


def tool(name: str) -> str | None:
    """Where a program is; None if it is missing."""
    return shutil.which(name, path=str(ROOT / ".tools" / "bin")) or shutil.which(name)


def main() -> int:
    """0 if nothing is wrong; 2 if a program is missing."""
    helm, validate = tool("helm"), tool("kubernetes-validate")
    if helm is None or validate is None:
        print("helm or kubernetes-validate is missing: make helm-lint fetches both for")
        print("Linux on x86-64; elsewhere install helm 3.15 or newer, and run it again")
        return 2
    wrong = 0
    for values in VALUES:
        for problem in check(helm, validate, values):
            print(f"{values.relative_to(ROOT)}: {problem}")
            wrong = 1
        print(f"{values.relative_to(ROOT)}: checked")
    return wrong


def check(helm: str, validate: str, values: Path) -> Iterator[str]:
    """What is wrong with the chart under these values."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rendered.yaml"
        linted = _run(
            helm, "lint", "--strict", "--quiet", str(CHART), "-f", str(values)
        )
        rendered = _run(helm, "template", "qbrix", str(CHART), "-f", str(values))
        # what is said after an install is rendered by no template command
        dry = ("install", "--dry-run=client", "qbrix", str(CHART), "-f", str(values))
        for ran in (linted, rendered, _run(helm, *dry)):
            if ran.returncode:
                yield (ran.stdout + ran.stderr).strip()
        file.write_text(_of_kubernetes(rendered.stdout))
        with ThreadPoolExecutor() as pool:
            found = pool.map(
                lambda version: _validated(validate, version, file), VERSIONS
            )
            yield from (problem for problem in found if problem)


def _of_kubernetes(rendered: str) -> str:
    """Without what operators add to it, whose schemas are not at hand."""
    parts = rendered.split("\n---\n")
    return "\n---\n".join(part for part in parts if OPERATORS not in part)


def _validated(validate: str, version: str, file: Path) -> str:
    ran = _run(validate, "--strict", "--quiet", "-k", version, str(file))
    return f"Kubernetes {version}: {ran.stdout}{ran.stderr}" if ran.returncode else ""


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True)


if __name__ == "__main__":
    sys.exit(main())
