"""The table has every row, and every row has a test."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.contract.checklist import ROWS
from tests.contract.table import Table

HERE = Path(__file__).parent


def marked() -> Iterator[int]:
    """Numbers in ``pytest.mark.row(…)`` of the tests here."""
    for path in HERE.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == MARK:
                yield from (ast.literal_eval(number) for number in node.args)


MARK = "pytest.mark.row"


def test_every_row_of_the_checklist_is_there_and_has_a_test() -> None:
    assert list(ROWS) == list(range(1, 74))
    assert set(marked()) == set(ROWS)


def test_a_row_is_green_when_nothing_of_it_failed() -> None:
    table = Table()
    lines = table.lines()
    assert len(lines) == 75
    assert lines[-1] == "0 of 73 rows green"
    assert all(" not run " in line for line in lines[1:-1])
