"""The page about the command line: every command is on it, and its examples run."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.system.running import Up

from qbrixcli.main import parser

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "cli.md").read_text()
EVERYWHERE = {"--help", "--json", "--profile", "--quiet"}


def leaves(
    command: argparse.ArgumentParser, text: str = ""
) -> Iterator[tuple[argparse.ArgumentParser, str]]:
    """Every command that has none below it, and what it is for."""
    below = [
        action
        for action in command._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    if not below:
        yield command, text
    for action in below:
        texts = {one.dest: one.help or "" for one in action._choices_actions}
        for name, inner in action.choices.items():
            # another name of the same command has no text of its own
            if inner.prog.endswith(f" {name}"):
                yield from leaves(inner, texts.get(f"{name}") or _aliased(texts, name))


def _aliased(texts: dict[str, str], name: str) -> str:
    [text] = [text for key, text in texts.items() if key.startswith(f"{name} (")]
    return text


def row(command: argparse.ArgumentParser, text: str) -> str:
    """The row of a command in the page's tables."""
    words = [command.prog]
    options = []
    for action in command._actions:
        if not action.option_strings:
            word = str(action.metavar or action.dest.upper())
            words.append(f"[{word}]" if action.nargs == "?" else word)
            continue
        # the tables of simulate and evaluate have a --json of their own
        if EVERYWHERE & set(action.option_strings) and (
            "run" in command._defaults or "--help" in action.option_strings
        ):
            continue
        options.append(f"`{action.option_strings[-1]}`")
    return f"| `{' '.join(words)}` | {text} | {' '.join(options)} |"


def test_every_command_and_option_is_on_the_page() -> None:
    wanted = {row(command, text) for command, text in leaves(parser())}
    found = set(re.findall(r"^\| `qbrix .*$", PAGE, re.MULTILINE))
    assert found == wanted


def test_the_examples_run(system: Up, tmp_path: Path) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    commands = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-c", "\n".join(["set -euo pipefail", *blocks])],
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith("QBRIX_")},
            "PATH": f"{commands}:{os.environ['PATH']}",
            "XDG_CONFIG_HOME": str(tmp_path),
            "QBRIX_DATA_DIR": str(system.directory / "data"),
            "EMAIL": system.credentials["email"],
            "PASSWORD": system.credentials["password"],
            "SYSTEM": system.credentials["http_url"],
        },
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "accepted\n" in done.stdout
    assert done.stdout.endswith("forgot profile team\n")
