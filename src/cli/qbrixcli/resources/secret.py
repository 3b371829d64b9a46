"""Asking a person: for a secret, or whether something should really be done."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from getpass import getpass

from qbrixcli.resources.errors import UsageError


def ask_secret(what: str) -> str:
    """A secret that is typed unseen, or the first line of what is piped in."""
    if sys.stdin.isatty():
        secret = getpass(f"{what}: ")
    else:
        secret = sys.stdin.readline().rstrip("\r\n")
    if not secret:
        raise UsageError(f"no {what} was given")
    return secret


def ask_line(what: str) -> str:
    """A line that is typed."""
    if not sys.stdin.isatty():
        raise UsageError(f"no {what} was given")
    print(f"{what}: ", end="", file=sys.stderr, flush=True)
    line = sys.stdin.readline().strip()
    if not line:
        raise UsageError(f"no {what} was given")
    return line


def sure(question: str) -> Callable[[argparse.Namespace], None]:
    """Asks before a command runs; ``{name}`` stands for what was given.

    What it returns raises UsageError unless somebody agreed.
    """

    def prepare(given: argparse.Namespace) -> None:
        if given.yes:
            return
        text = question.format_map(vars(given))
        if not sys.stdin.isatty():
            raise UsageError(f"add --yes to {text}")
        print(f"{text}? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip() not in ("y", "Y", "yes"):
            raise UsageError("nothing was done")

    return prepare
