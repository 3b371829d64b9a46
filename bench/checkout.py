"""Another revision of the code, beside this one and in the same environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parents[1]
PROBE = "import proxysvc, qbrixcore, qbrixkernels; print(proxysvc.__file__)"


class Checkout(msgspec.Struct, frozen=True):
    """Where it is, and what makes a process use it instead of what is installed."""

    root: Path
    variables: dict[str, str]


@contextmanager
def checkout(revision: str) -> Iterator[Checkout]:
    """A working tree of a revision, its kernels compiled. Raises RuntimeError."""
    with tempfile.TemporaryDirectory(prefix="qbrix-base-") as directory:
        root = Path(directory) / "tree"
        # what a run that was killed has left
        _run("git", "worktree", "prune")
        _run("git", "worktree", "add", "--quiet", "--detach", str(root), revision)
        try:
            made = Checkout(root, _variables(root))
            _compile(made, revision)
            yield made
        finally:
            _run("git", "worktree", "remove", "--force", str(root))


def _variables(root: Path) -> dict[str, str]:
    places = [path.parent for path in sorted(root.glob("*/pyproject.toml"))]
    places += [path.parent for path in sorted(root.glob("*/*/pyproject.toml"))]
    return {"PYTHONPATH": os.pathsep.join(map(str, places))}


def _compile(made: Checkout, revision: str) -> None:
    same = subprocess.run(
        ["git", "diff", "--quiet", revision, "--", "kernels"], cwd=ROOT, check=False
    )
    if same.returncode == 0:
        # compiled code is known by the time of its source
        shutil.copytree(ROOT / "kernels", made.root / "kernels", dirs_exist_ok=True)
    used = _run(sys.executable, "-c", PROBE, **made.variables)
    if not Path(used.strip()).is_relative_to(made.root):
        raise RuntimeError(f"{used.strip()} is in the way of {revision}")
    _run(sys.executable, "-m", "qbrixkernels", **made.variables)


def _run(*command: str, **variables: str) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
