"""What the commands read from the environment."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta
from msgspec import Struct

PREFIX = "QBRIX_"


class ClientSettings(Struct, frozen=True, kw_only=True):
    """Where and as whom, unless ``--profile`` says so."""

    url: Annotated[
        str | None,
        Meta(description="address of the system that `qbrix pool` and the like ask"),
    ] = None
    api_key: Annotated[
        str | None,
        Meta(
            description="key that they use, before any profile",
            extra={"secret": True},
        ),
    ] = None
    profile: Annotated[
        str | None, Meta(description="profile that they use (docs/cli.md)")
    ] = None

    def __repr__(self) -> str:
        return f"ClientSettings({self.url})"
