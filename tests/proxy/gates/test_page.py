"""The page about gates says what the code does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import msgspec

from proxysvc.gates.config import MOST_RULE_BYTES
from proxysvc.gates.config import MOST_RULES
from proxysvc.gates.config import GateConfig
from proxysvc.gates.decision import Reason
from proxysvc.gates.operators import Operator
from qbrixstore.redis.changes import POLL_SEC

PAGE = (Path(__file__).parents[3] / "docs" / "gates.md").read_text()


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_every_operator_is_listed_once() -> None:
    rows = re.findall(r"^\| (`.*?) \|", section("Rules"), re.MULTILINE)
    listed = [spelling for row in rows for spelling in re.findall(r"`(.*?)`", row)]
    assert sorted(listed) == sorted(get_args(Operator))


def test_every_field_is_listed_with_its_default() -> None:
    table = PAGE.partition("| field | default |")[2].partition("\n\n")[0]
    rows = dict(re.findall(r"^\| (.*?) \| (.*?) \|", table, re.MULTILINE))
    listed = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert listed == set(GateConfig.__struct_fields__)
    assert msgspec.to_builtins(GateConfig())["timezone"] in rows["`timezone`"]


def test_reasons_and_figures_are_those_of_the_code() -> None:
    listed = re.findall(r"^\d\. .*\(`(\w+)`\)", section("How it decides"), re.MULTILINE)
    assert listed == [str(reason) for reason in Reason]
    assert f"at most {MOST_RULES}, {MOST_RULE_BYTES // 1024} KiB" in PAGE
    assert 1 / POLL_SEC == 2
    assert "twice a second" in PAGE
