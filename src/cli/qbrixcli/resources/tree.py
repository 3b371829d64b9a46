"""Commands below commands, each bound to what it does."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

from qbrixcli.resources.call import Call
from qbrixcli.resources.call import Desk
from qbrixcli.resources.given import count

Run = Callable[[Call], Awaitable[None]]
RunLocal = Callable[[Desk], Awaitable[None]]
Prepare = Callable[[argparse.Namespace], None]


class Branch:
    """A place in the tree of commands.

    Args:
        commands: what ``add_subparsers`` returned.
    """

    def __init__(self, commands: Any) -> None:
        self._commands = commands

    def group(self, name: str, text: str) -> Branch:
        """A command that has commands below it."""
        parser = self._commands.add_parser(name, help=text, description=_sentence(text))
        below = parser.add_subparsers(dest="what", required=True, metavar="what")
        return Branch(below)

    def add(
        self,
        name: str,
        text: str,
        run: Run,
        *ids: str,
        aliases: Sequence[str] = (),
        prepare: Prepare | None = None,
    ) -> argparse.ArgumentParser:
        """A command that asks a system; each of ids is a word that it needs."""
        parser = self._leaf(name, text, ids, aliases)
        parser.set_defaults(run=run, local=False, prepare=prepare)
        return parser

    def add_local(
        self,
        name: str,
        text: str,
        run: RunLocal,
        *ids: str,
        prepare: Prepare | None = None,
    ) -> argparse.ArgumentParser:
        """A command about profiles; each of ids is a word that it needs."""
        parser = self._leaf(name, text, ids, ())
        parser.set_defaults(run=run, local=True, prepare=prepare)
        return parser

    def _leaf(
        self, name: str, text: str, ids: Sequence[str], aliases: Sequence[str]
    ) -> argparse.ArgumentParser:
        parser: argparse.ArgumentParser = self._commands.add_parser(
            name, help=text, description=_sentence(text), aliases=aliases
        )
        for one in ids:
            parser.add_argument(one, metavar=one.upper())
        form = parser.add_mutually_exclusive_group().add_argument
        form("--json", action="store_true", help="answer with JSON")
        form("-q", "--quiet", action="store_true", help="answer with ids only")
        parser.add_argument("--profile", metavar="NAME", help="profile to use")
        return parser


def paged(parser: argparse.ArgumentParser) -> None:
    """The options of every list."""
    add = parser.add_argument
    add("--limit", type=count, metavar="N", help="so many at most, instead of all")
    add("--offset", type=count, default=0, metavar="N", help="leave out the first N")


def asks(parser: argparse.ArgumentParser) -> None:
    """The option of every command that cannot be undone."""
    parser.add_argument("--yes", action="store_true", help="do not ask")


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
