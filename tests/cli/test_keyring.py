"""Secrets of a data directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from qbrixcli.datadir import DataDirectory
from qbrixcli.embedded.errors import StartError
from qbrixcli.keyring import load_keyring


def test_secrets_are_made_once_and_kept_private(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    made = load_keyring(data)
    assert load_keyring(data) == made
    assert data.secrets.stat().st_mode & 0o777 == 0o600
    secrets = {made.valkey_password, made.postgres_password, made.token_secret}
    assert len(secrets) == 3
    assert all(len(secret) == 43 for secret in secrets)
    assert not any(secret in repr(made) for secret in secrets)


def test_a_secret_of_a_newer_version_is_added_and_kept(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.secrets.write_text('{"token_secret":"as it was"}')
    first = load_keyring(data)
    assert first.token_secret == "as it was"
    assert len(first.jwt_secret.encode()) >= 64
    assert load_keyring(data) == first
    assert first.variables()["PROXY_JWT_SECRET_KEY"] == first.jwt_secret


def test_damaged_secrets_are_never_replaced(tmp_path: Path) -> None:
    data = DataDirectory(tmp_path)
    data.secrets.write_text("{")
    with pytest.raises(StartError, match="restore it from a backup"):
        load_keyring(data)
    assert data.secrets.read_text() == "{"
