"""The query parameters of every list."""

from __future__ import annotations

from typing import Annotated

from litestar.params import QueryParameter

from proxysvc.inputs import LARGEST_OFFSET
from proxysvc.inputs import MOST_ROWS

Limit = Annotated[
    int, QueryParameter(ge=1, le=MOST_ROWS, description="most rows to answer with")
]
Offset = Annotated[
    int, QueryParameter(ge=0, le=LARGEST_OFFSET, description="rows to leave out first")
]
