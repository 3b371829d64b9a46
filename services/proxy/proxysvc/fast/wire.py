"""What select and feedback take and answer over REST (contract, section 4.4)."""

from __future__ import annotations

from typing import Any

import msgspec


class SelectContext(msgspec.Struct):
    """Who the choice is for, and what is known about them."""

    id: str
    vector: list[float] | None = None
    properties: dict[str, Any] | None = None
    metadata: dict[str, Any] | None = None


class SelectRequest(msgspec.Struct):
    """Body of POST /api/v1/agent/select."""

    experiment_id: str
    context: SelectContext


class SelectedArm(msgspec.Struct):
    """The chosen arm; ``index`` is its position in the pool."""

    id: str
    name: str
    index: int


class SelectReply(msgspec.Struct):
    """The choice; ``request_id`` is null while the experiment is paused."""

    arm: SelectedArm
    request_id: str | None
    is_default: bool


class FeedbackRequest(msgspec.Struct):
    """Body of POST /api/v1/agent/feedback."""

    request_id: str
    reward: float


class FeedbackReply(msgspec.Struct):
    """Answer to feedback that the log holds."""

    accepted: bool
