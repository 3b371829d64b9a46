"""What a select is answered."""

from __future__ import annotations

import msgspec

from qbrixcore.definition import DefinitionArm


class Selected(msgspec.Struct, frozen=True, gc=False):
    """The arm at position ``index`` of the pool, and the token to reward it with.

    ``request_id`` is None while the experiment is paused, ``param_version`` also when
    its gate forced the arm.
    """

    arm: DefinitionArm
    index: int
    request_id: str | None
    is_default: bool
    param_version: int | None
