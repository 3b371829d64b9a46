"""Rows of the decision log as columns of Arrow."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any
from typing import Final

import pyarrow as pa

from qbrixstore.decisions import COLUMNS
from qbrixstore.decisions import NULLABLE
from qbrixstore.decisions import Kind

_TYPES: Final[Mapping[Kind, Any]] = {
    "id": pa.string(),
    "text": pa.string(),
    "day": pa.date32(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bytes": pa.binary(),
}
# the directory says it, and readers add the column by themselves
DAY: Final = "day"


def schema(table: str) -> Any:
    """The schema of the files of a table."""
    return pa.schema(
        [
            pa.field(name, _TYPES[kind], nullable=name in NULLABLE)
            for name, kind in COLUMNS[table].items()
            if name != DAY
        ]
    )


def arrow(table: str, rows: Sequence[tuple[Any, ...]]) -> Any:
    """Rows as an Arrow table."""
    columns = dict(zip(COLUMNS[table], zip(*rows, strict=True), strict=True))
    found = schema(table)
    arrays = [pa.array(columns[field.name], field.type) for field in found]
    return pa.Table.from_arrays(arrays, schema=found)
