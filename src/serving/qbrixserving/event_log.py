"""Where the decision log goes, as every service is told."""

from __future__ import annotations

from typing import Annotated
from typing import Literal

import msgspec

EventLog = Annotated[
    Literal["off", "postgres", "parquet"],
    msgspec.Meta(
        description="where selections and rewards are recorded; one value for all",
        extra={"env": "EVENT_LOG"},
    ),
]
EventLogDir = Annotated[
    str,
    msgspec.Meta(
        min_length=1,
        description="where the files of `EVENT_LOG=parquet` lie",
        extra={"env": "EVENT_LOG_DIR"},
    ),
]
DIRECTORY = ".qbrix/decisions"
