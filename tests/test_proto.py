"""The wire contracts only grow, and the generated code is that of the .proto files."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2
from google.protobuf.descriptor import FieldDescriptor

from qbrixproto import auth_pb2
from qbrixproto import common_pb2
from qbrixproto import cortex_pb2
from qbrixproto import motor_pb2
from qbrixproto import proxy_pb2

ROOT = Path(__file__).resolve().parent.parent
CONTRACT: dict[str, list[str]] = json.loads(
    (ROOT / "tests" / "proto_contract.json").read_text()
)
FILES = (auth_pb2, common_pb2, cortex_pb2, motor_pb2, proxy_pb2)
KINDS: dict[int, str] = {
    number: name for name, number in descriptor_pb2.FieldDescriptorProto.Type.items()
}


def _type(field: FieldDescriptor) -> str:
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        key, value = (field.message_type.fields_by_name[n] for n in ("key", "value"))
        return f"map<{_type(key)}, {_type(value)}>"
    if field.message_type is not None:
        return str(field.message_type.full_name)
    if field.enum_type is not None:
        return str(field.enum_type.full_name)
    return KINDS[field.type].removeprefix("TYPE_").lower()


def _field(field: FieldDescriptor) -> str:
    kind = _type(field)
    if field.is_repeated and not kind.startswith("map<"):
        kind = f"repeated {kind}"
    elif field.containing_oneof is not None:
        kind = f"optional {kind}"
    return f"{field.number} {field.name} {kind}"


def _messages(message: Any) -> Iterator[tuple[str, set[str]]]:
    yield message.full_name, {_field(field) for field in message.fields}
    for inner in message.nested_types:
        if not inner.GetOptions().map_entry:
            yield from _messages(inner)
    for enum in message.enum_types:
        yield enum.full_name, {f"{v.number} {v.name}" for v in enum.values}


def _method(method: Any) -> str:
    request = "stream " * method.client_streaming + method.input_type.full_name
    reply = "stream " * method.server_streaming + method.output_type.full_name
    return f"{method.name}({request}) returns ({reply})"


def served() -> dict[str, set[str]]:
    """Every message, enum and service of the generated code, a line a member."""
    found: dict[str, set[str]] = {}
    for module in FILES:
        file = module.DESCRIPTOR
        for message in file.message_types_by_name.values():
            found.update(_messages(message))
        for enum in file.enum_types_by_name.values():
            found[enum.full_name] = {f"{v.number} {v.name}" for v in enum.values}
        for service in file.services_by_name.values():
            found[service.full_name] = {_method(m) for m in service.methods}
    return found


SERVED = served()


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_nothing_of_the_contract_is_missing_or_changed(name: str) -> None:
    assert set(CONTRACT[name]) - SERVED.get(name, set()) == set()
    assert name in SERVED


@pytest.mark.parametrize("name", sorted(SERVED))
def test_what_was_added_is_written_down(name: str) -> None:
    assert SERVED[name] - set(CONTRACT.get(name, ())) == set()


def test_files_keep_their_published_names() -> None:
    names = {module.DESCRIPTOR.name: module.DESCRIPTOR.package for module in FILES}
    assert names == {
        f"{name}.proto": f"qbrix.{name}"
        for name in ("auth", "common", "cortex", "motor", "proxy")
    }


def generate(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run generate.py as the copy that lies in a folder's proto/."""
    return subprocess.run(
        [sys.executable, str(folder / "proto" / "generate.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_generated_code_is_not_stale() -> None:
    checked = generate("--check", folder=ROOT)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_stale_code_is_found_and_brought_level(tmp_path: Path) -> None:
    package = tmp_path / "src" / "proto" / "qbrixproto"
    package.mkdir(parents=True)
    (tmp_path / "proto").mkdir()
    script = (ROOT / "proto" / "generate.py").read_text()
    (tmp_path / "proto" / "generate.py").write_text(script)
    proto = tmp_path / "proto" / "thing.proto"
    proto.write_text('syntax = "proto3";\npackage thing;\nmessage One {}\n')
    assert generate(folder=tmp_path).returncode == 0
    assert generate("--check", folder=tmp_path).returncode == 0
    proto.write_text(proto.read_text() + "message Two {}\n")
    (package / "gone_pb2.py").write_text("")
    checked = generate("--check", folder=tmp_path)
    assert checked.returncode == 1
    assert "stale: thing_pb2.py\n" in checked.stderr
    assert "stale: gone_pb2.py\n" in checked.stderr
    assert generate(folder=tmp_path).returncode == 0
    assert generate("--check", folder=tmp_path).returncode == 0
