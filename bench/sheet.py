"""What a part of the benchmark found: tables, and figures that have targets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


class Table(msgspec.Struct):
    """Rows of text under a title."""

    title: str
    columns: list[str]
    rows: list[list[str]]

    def render(self) -> str:
        """As markdown; all columns but the first are flush right."""
        marks = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [self.columns, marks, *self.rows]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"**{self.title}**\n\n{table}\n"


class Sheet(msgspec.Struct):
    """Filled while a part runs, so that one that fails leaves what it has found.

    ``values`` are figures that targets ask for, by their names there.
    """

    tables: list[Table] = []
    notes: list[str] = []
    values: dict[str, float] = {}
    benchmarks: list[dict[str, Any]] = []

    def table(self, title: str, *columns: str) -> Table:
        """A new one, to be filled."""
        made = Table(title, list(columns), [])
        self.tables.append(made)
        return made

    def note(self, text: str) -> None:
        """A paragraph below the tables."""
        self.notes.append(text)

    def render(self) -> str:
        """All of it as markdown."""
        blocks = [table.render() for table in self.tables]
        return "\n".join(blocks + [f"{note}\n" for note in self.notes])


class Length(msgspec.Struct, frozen=True):
    """How long to measure: rounds of so many seconds, short ones for long tables."""

    rounds: int = 5
    seconds: int = 3
    short: int = 2
    quick: bool = False


FULL = Length()
QUICK = Length(1, 1, 1, quick=True)


def number(value: float) -> str:
    """With as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def percentile(ordered: Sequence[float], share: float) -> float:
    """Of values in ascending order."""
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
