"""``qbrix export``: the decision log of an experiment as a file."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

FORMATS = ("csv", "parquet")


def add_export(commands: Any) -> None:
    """The command and its options."""
    command = commands.add_parser(
        "export",
        help="write the decision log of an experiment to a file",
        description="Selections with their rewards, as qbrix evaluate reads them.",
        epilog="What is logged while EVENT_LOG is on; see docs/decision-log.md.",
    )
    add = command.add_argument
    add("--experiment", required=True, metavar="ID")
    add("--format", choices=FORMATS, default="csv")
    add("--output", metavar="FILE", help="by default standard output")
    add(
        "--all",
        action="store_true",
        help="also selections without a reward or a propensity",
    )


def export(options: argparse.Namespace) -> int:
    """Exit code of the command. Raises StartError."""
    from qbrixcli.exporting import run

    asyncio.run(run(options, os.environ))
    return 0
