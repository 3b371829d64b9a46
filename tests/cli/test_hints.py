"""The printed commands, taken apart by a real shell."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from qbrixcli.credentials import encode
from qbrixcli.credentials import new_credentials
from qbrixcli.hints import feedback_line
from qbrixcli.hints import select_line

MADE = new_credentials("http://h:1", "grpc://h:2")
CURL = """#!/bin/sh
for part in "$@"; do printf '%s\\n' "$part" >> "$LOG"; done
printf '%s' '{"arm":{"id":"1"},"request_id": "a-token_1=","is_default":false}'
"""


def run(line: str, directory: Path) -> list[str]:
    """Arguments that curl got, all calls in a row."""
    curl = directory / "curl"
    curl.write_text(CURL)
    curl.chmod(0o755)
    log = directory / "log"
    log.write_text("")
    path = f"{directory}:/usr/bin:/bin"
    environ = {"PATH": path, "LOG": str(log)}
    subprocess.run(["sh", "-euc", line], env=environ, check=True, timeout=30)
    return log.read_text().splitlines()


def credentials(tmp_path: Path) -> Path:
    file = tmp_path / "a folder's name" / "credentials.json"
    file.parent.mkdir()
    file.write_text(encode(MADE))
    return file


def test_a_select_carries_key_and_context(tmp_path: Path) -> None:
    line = select_line(MADE.http_url, "e1", credentials(tmp_path))
    arguments = run(line, tmp_path)
    assert "http://h:1/api/v1/agent/select" in arguments
    assert f"X-API-Key: {MADE.api_key}" in arguments
    body = json.loads(arguments[-1])
    assert body == {"experiment_id": "e1", "context": {"id": "visitor-1"}}


def test_a_feedback_carries_the_token_of_its_select(tmp_path: Path) -> None:
    file = credentials(tmp_path)
    line = feedback_line(MADE.http_url, select_line(MADE.http_url, "e1", file), file)
    arguments = run(line, tmp_path)
    assert "http://h:1/api/v1/agent/feedback" in arguments
    assert arguments.count(f"X-API-Key: {MADE.api_key}") == 2
    assert json.loads(arguments[-1]) == {"request_id": "a-token_1=", "reward": 1}


def test_a_key_has_its_prefix_and_43_characters() -> None:
    prefix, key = MADE.api_key[:6], MADE.api_key[6:]
    assert prefix == "optiq_"
    assert len(key) == 43
    assert MADE.api_key not in repr(MADE)
    assert MADE.password not in repr(MADE)
