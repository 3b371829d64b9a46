"""``qbrix shards``: how many shards the store has, and dividing it anew."""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any
from typing import Final

DRAIN_SEC: Final = 60.0


def add_shards(commands: Any) -> None:
    """The commands and their options."""
    top = commands.add_parser(
        "shards", help="divide the store into more or fewer parts"
    )
    inner = top.add_subparsers(dest="what", required=True, metavar="what")
    inner.add_parser("show", help="show how many there are, and what is unfinished")
    anew = inner.add_parser("migrate", help="carry everything to another number")
    anew.add_argument("count", type=int, metavar="N", help="shards from then on")
    anew.add_argument(
        "--drain",
        type=float,
        default=DRAIN_SEC,
        metavar="SEC",
        help="how long to wait for what is not learned yet",
    )
    inner.add_parser("rollback", help="give an interrupted migration up")


def divide(options: argparse.Namespace) -> int:
    """Run the command. Raises StartError."""
    from qbrixcli import dividing

    run = {
        "show": dividing.show,
        "migrate": dividing.migrate,
        "rollback": dividing.roll_back,
    }[options.what]
    print(asyncio.run(dividing.with_store(run, options, os.environ)))
    return 0
