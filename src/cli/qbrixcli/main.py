"""The ``qbrix`` command."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from qbrixcli.embedded.errors import StartError
from qbrixcli.evaluate import add_evaluate
from qbrixcli.evaluate import evaluate
from qbrixcli.export import add_export
from qbrixcli.export import export
from qbrixcli.operators import add_operator
from qbrixcli.operators import operate
from qbrixcli.repairs import add_repairs
from qbrixcli.repairs import repair
from qbrixcli.replay import add_replay
from qbrixcli.replay import replay
from qbrixcli.resources.commands import add_resources
from qbrixcli.resources.run import run
from qbrixcli.shards import add_shards
from qbrixcli.shards import divide
from qbrixcli.simulate import add_simulate
from qbrixcli.simulate import simulate

SERVICES = ("proxy", "motor", "cortex")
MOST_MOTORS = 64


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(
        prog="qbrix", description="A self-hosted decision engine on bandits."
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    up = commands.add_parser("up", help="run the whole system on this machine")
    up.add_argument("--motors", type=_count, default=1, help="how many, 1 by default")
    commands.add_parser("infra", help="run only the embedded stores")
    dev = commands.add_parser("dev", help="run one service beside running stores")
    dev.add_argument("service", choices=SERVICES)
    commands.add_parser("migrate", help="bring the database to the current schema")
    reset = commands.add_parser("reset", help="forget everything that was stored")
    reset.add_argument("--yes", action="store_true", help="do not ask")
    demo = commands.add_parser("demo", help="feed a fresh system with real traffic")
    demo.add_argument("--fast", action="store_true", help="a tenth of the traffic")
    add_resources(commands)
    add_operator(commands)
    add_repairs(commands)
    add_shards(commands)
    add_simulate(commands)
    add_evaluate(commands)
    add_export(commands)
    add_replay(commands)
    return top


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_MOTORS):
        raise argparse.ArgumentTypeError(f"{text}: wants 1 to {MOST_MOTORS}")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 2 means it could not start, and one line said why."""
    options = parser().parse_args(arguments)
    try:
        return _run(options)
    except StartError as error:
        print(f"qbrix: {error}", file=sys.stderr)
        return 2


def _run(options: argparse.Namespace) -> int:
    if "run" in options:
        return run(options)
    if options.command in ("up", "infra"):
        from qbrixcli import up

        is_up = options.command == "up"
        command = up.up(os.environ, options.motors) if is_up else up.infra(os.environ)
        asyncio.run(command)
        return 0
    if options.command == "demo":
        from qbrixcli.demonstration import demonstrate

        return asyncio.run(demonstrate(options.fast))
    if options.command == "operator":
        return operate(options)
    if options.command in ("deadletter", "rebuild"):
        return repair(options)
    if options.command == "shards":
        return divide(options)
    if options.command == "simulate":
        return simulate(options)
    if options.command == "evaluate":
        return evaluate(options)
    if options.command == "export":
        return export(options)
    if options.command == "replay":
        return replay(options)
    return _maintain(options)


def _maintain(options: argparse.Namespace) -> int:
    from qbrixcli import maintenance

    if options.command == "dev":
        maintenance.run_service(os.environ, options.service)
    elif options.command == "migrate":
        asyncio.run(maintenance.migrate(os.environ))
    else:
        asyncio.run(maintenance.reset(os.environ, options.yes))
    return 0
