"""The certificate that both ports show."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

import msgspec

from qbrixserving.settings import SettingsError


class TlsSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Files in PEM; both or neither."""

    cert: Annotated[
        Path | None,
        msgspec.Meta(
            description="certificate and its chain, PEM; both ports speak TLS then"
        ),
    ] = None
    key: Annotated[
        Path | None,
        msgspec.Meta(description="its private key, PEM without a passphrase"),
    ] = None

    def check(self) -> None:
        """Raises SettingsError unless the files are there and belong together."""
        for name, path, other in (
            ("CERT", self.cert, self.key),
            ("KEY", self.key, self.cert),
        ):
            if path is None and other is not None:
                raise SettingsError(f"PROXY_TLS_{name}: unset, wants a file as well")
            if path is not None:
                _check_readable(f"PROXY_TLS_{name}", path)
        if self.cert is not None:
            self._check_pair(self.cert)

    def pair(self) -> tuple[bytes, bytes] | None:
        """Key and certificate as they are in the files; None without TLS."""
        if self.cert is None or self.key is None:
            return None
        return self.key.read_bytes(), self.cert.read_bytes()

    def _check_pair(self, cert: Path) -> None:
        try:
            # an empty passphrase: nobody is there to be asked for one
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
                cert, self.key, password=""
            )
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", None) or "not PEM, or with a passphrase"
            raise SettingsError(
                f"PROXY_TLS_CERT, PROXY_TLS_KEY: got {cert} and {self.key}, wants a "
                f"certificate and its key ({str(reason).lower().replace('_', ' ')})"
            ) from error


def _check_readable(variable: str, path: Path) -> None:
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise SettingsError(f"{variable}: cannot read {path} ({reason})") from error
