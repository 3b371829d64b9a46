"""What the library's page shows is what happens."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

from qbrixcli.main import main
from qbrixcore.policy.registry import SPECS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "library.md"
README = PAGE.parents[1] / "src" / "core" / "README.md"
CONSOLE = re.findall(
    r"^```console\n\$ qbrix (.*?)\n(.*?)^```", PAGE.read_text(), re.M | re.S
)
NUMBER = re.compile(r"-?\d+\.\d+")


@pytest.mark.parametrize(("command", "shown"), CONSOLE, ids=[c for c, _ in CONSOLE])
def test_commands_print_what_is_shown(
    capsys: pytest.CaptureFixture[str], command: str, shown: str
) -> None:
    assert main(shlex.split(command)) == 0
    printed = capsys.readouterr().out
    words = NUMBER.sub("#", printed).split()
    assert words == NUMBER.sub("#", shown).split()
    # sums are not made in the same order on every machine
    numbers = [float(number) for number in NUMBER.findall(printed)]
    expected = [float(number) for number in NUMBER.findall(shown)]
    assert numbers == pytest.approx(expected, rel=0.3, abs=1e-3)


def test_examples_run() -> None:
    ran = doctest.testfile(str(PAGE), module_relative=False)
    assert ran.attempted > 20
    assert ran.failed == 0


def test_every_policy_is_listed_with_its_parameters() -> None:
    rows = re.findall(r"^\| (`\w+`.*?) \|.*\| (.*?) \|$", PAGE.read_text(), re.M)
    listed = {}
    for names, params in rows:
        *_, name = re.findall(r"`(\w+)`", names)
        if name.endswith("Policy"):
            listed[name] = re.findall(r"`(\w+)`", params)
    assert listed == {
        name: [info.name for info in spec.params] for name, spec in SPECS.items()
    }


def test_the_readme_of_the_library_shows_the_same_table_and_runs() -> None:
    rows = [line for line in README.read_text().splitlines() if line.startswith("| ")]
    assert len(rows) == len(SPECS) + 2
    assert "\n".join(rows) in PAGE.read_text()
    ran = doctest.testfile(str(README), module_relative=False)
    assert ran.attempted > 8
    assert ran.failed == 0
