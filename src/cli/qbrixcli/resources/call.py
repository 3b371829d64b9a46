"""One call of a command: what was given, the API, and where the answer goes."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING
from typing import Any
from typing import NamedTuple

if TYPE_CHECKING:
    from qbrixcli.resources.client import Api
    from qbrixcli.resources.output import Output
    from qbrixcli.resources.output import View
    from qbrixcli.resources.profiles import ProfileFile


class Desk(NamedTuple):
    """What a command works with that needs no system."""

    given: argparse.Namespace
    environ: Mapping[str, str]
    file: ProfileFile
    out: Output


class Call(NamedTuple):
    """What a command works with."""

    given: argparse.Namespace
    api: Api
    out: Output

    async def page(self, view: View, *segments: str, key: str, **query: object) -> None:
        """Show a list, all of it or the part that was asked for."""
        from qbrixcli.resources.paging import all_rows

        rows = await all_rows(
            self.api,
            *segments,
            key=key,
            limit=self.given.limit,
            offset=self.given.offset,
            **query,
        )
        self.out.rows(view, rows)

    def message(self, answer: Any) -> None:
        """Show what the server said about something that it did."""
        said = answer.get("message") if isinstance(answer, dict) else None
        self.out.said(said or "done", answer)
