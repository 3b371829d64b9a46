"""``qbrix deadletter`` and ``qbrix rebuild``: putting right what went wrong."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any


def add_repairs(commands: Any) -> None:
    """The commands and their options."""
    commands.add_parser("rebuild", help="fill redis with what it lacks from postgres")
    top = commands.add_parser("deadletter", help="feedback that could not be learned")
    inner = top.add_subparsers(dest="what", required=True, metavar="what")
    shown = inner.add_parser("list", help="show dead letters, the oldest first")
    shown.add_argument("--limit", type=int, default=100, metavar="N", help="so many")
    _chosen(shown)
    again = inner.add_parser("requeue", help="try to learn dead letters again")
    gone = inner.add_parser("drop", help="forget dead letters")
    for command in (again, gone):
        which = command.add_mutually_exclusive_group(required=True)
        which.add_argument("ids", nargs="*", default=[], metavar="ID", help="these")
        which.add_argument("--all", action="store_true", help="all there are")
        _chosen(command)


def _chosen(command: argparse.ArgumentParser) -> None:
    command.add_argument("--experiment", metavar="ID", help="only of this experiment")


def repair(options: argparse.Namespace) -> int:
    """Run the command. Raises StartError."""
    from qbrixcli import repairing as work

    if options.command == "rebuild":
        print(asyncio.run(work.rebuild(os.environ)))
        return 0
    run = {"list": work.show, "requeue": work.requeue, "drop": work.drop}[options.what]
    print(asyncio.run(work.with_letters(run, options, os.environ)))
    return 0
