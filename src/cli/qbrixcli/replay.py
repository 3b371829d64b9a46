"""``qbrix replay``: learn an experiment again, and compare every bit."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

MEANING = """\
exit codes: 0 the same to the last bit, 1 another state, 2 cannot start,
3 cannot be told: the log does not have every reward, or another build learned"""


def add_replay(commands: Any) -> None:
    """The command and its options."""
    command = commands.add_parser(
        "replay",
        help="learn an experiment again from its log and compare every bit",
        description="Proves that the log led to the params, on running stores.",
        epilog=MEANING,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = command.add_argument
    add("--experiment", required=True, metavar="ID")
    add("--at", type=int, metavar="VERSION", help="kept params, by default the live")
    add("--json", action="store_true", help="one object")


def replay(options: argparse.Namespace) -> int:
    """Exit code of the command. Raises StartError."""
    from qbrixcli.replaying import run

    verdict = asyncio.run(run(options, os.environ))
    print(verdict.as_json() if options.json else verdict.as_table())
    return verdict.exit_code
