"""Writes src/proto/qbrixproto from the .proto files; with --check, only compares."""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

from grpc_tools import protoc

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "src" / "proto" / "qbrixproto"
FLAT_IMPORT = re.compile(r"^import (\w+_pb2)\b", re.MULTILINE)


def compile_protos() -> dict[str, str]:
    """Text of every generated file, by name. Raises RuntimeError if protoc refuses."""
    sources = sorted(path.name for path in HERE.glob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        outputs = [
            f"--{kind}_out={folder}" for kind in ("python", "pyi", "grpc_python")
        ]
        includes = [f"-I{HERE}", f"-I{files('grpc_tools') / '_proto'}"]
        if protoc.main(["protoc", *includes, *outputs, *sources]) != 0:
            raise RuntimeError("protoc refused the .proto files")
        return {
            path.name: FLAT_IMPORT.sub(r"from qbrixproto import \1", path.read_text())
            for path in sorted(Path(folder).iterdir())
        }


def stale(generated: dict[str, str]) -> list[str]:
    """Names of the files whose committed text differs, is missing or is left over."""
    committed = {path.name: path.read_text() for path in PACKAGE.glob("*_pb2*.py*")}
    names = committed.keys() | generated.keys()
    return sorted(n for n in names if committed.get(n) != generated.get(n))


def write(generated: dict[str, str], names: list[str]) -> None:
    """Bring the named files of the package level with what was generated."""
    for name in names:
        if name in generated:
            (PACKAGE / name).write_text(generated[name])
        else:
            (PACKAGE / name).unlink()


def main() -> int:
    """Exit code: 0, or 1 when checking finds stale code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail when code is stale")
    checking = parser.parse_args().check
    generated = compile_protos()
    names = stale(generated)
    for name in names:
        sys.stderr.write(f"{'stale' if checking else 'written'}: {name}\n")
    if checking:
        return 1 if names else 0
    write(generated, names)
    return 0


if __name__ == "__main__":
    sys.exit(main())
