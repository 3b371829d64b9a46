"""What select and feedback take and answer over REST (contract, section 4.4)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from typing import Any
from typing import Final

import msgspec

MOST_AT_ONCE: Final = 100

# gc=False below: what comes from JSON, or goes there, is no part of a cycle


class SelectContext(msgspec.Struct, gc=False):
    """Who the choice is for, and what is known about them."""

    id: str
    vector: list[float] | None = None
    properties: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class SelectRequest(msgspec.Struct, gc=False):
    """Body of POST /api/v1/agent/select."""

    experiment_id: str
    context: SelectContext


class SelectedArm(msgspec.Struct, gc=False):
    """The chosen arm; ``index`` is its position in the pool."""

    id: str
    name: str
    index: int


class SelectReply(msgspec.Struct, gc=False):
    """The choice; ``request_id`` is null while the experiment is paused."""

    arm: SelectedArm
    request_id: str | None
    is_default: bool


class FeedbackRequest(msgspec.Struct, gc=False):
    """Body of POST /api/v1/agent/feedback."""

    request_id: str
    reward: float


class FeedbackReply(msgspec.Struct, gc=False):
    """Answer to feedback that the log holds."""

    accepted: bool


class Failure(msgspec.Struct, gc=False):
    """Why one item of a batch failed: what it would have been answered alone."""

    status: int
    code: str
    detail: str
    context: Mapping[str, object] | None = None


class SelectBatchRequest(msgspec.Struct, gc=False):
    """Body of POST /api/v1/agent/select:batch."""

    experiment_id: str
    contexts: Annotated[
        list[SelectContext], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)
    ]


class SelectResult(msgspec.Struct, gc=False):
    """The choice for one context of a batch, or the ``error`` there was."""

    arm: SelectedArm | None = None
    request_id: str | None = None
    is_default: bool = False
    param_version: int | None = None
    error: Failure | None = None


class SelectBatchReply(msgspec.Struct, gc=False):
    """One result for each context, in their order."""

    results: list[SelectResult]


class FeedbackBatchRequest(msgspec.Struct, gc=False):
    """Body of POST /api/v1/agent/feedback:batch."""

    feedbacks: Annotated[
        list[FeedbackRequest], msgspec.Meta(min_length=1, max_length=MOST_AT_ONCE)
    ]


class FeedbackResult(msgspec.Struct, gc=False):
    """Whether the log holds one feedback of a batch, or the ``error`` there was."""

    accepted: bool
    error: Failure | None = None


class FeedbackBatchReply(msgspec.Struct, gc=False):
    """One result for each feedback, in their order."""

    results: list[FeedbackResult]
