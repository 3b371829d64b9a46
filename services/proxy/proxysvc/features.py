"""The policy's input: what a request says of the context, as checked float32."""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from collections.abc import Sequence
from functools import lru_cache

from proxysvc.definitions import Entry
from qbrixcore.errors import InvalidContext


def policy_input(
    entry: Entry,
    vector: Sequence[float] | None,
    properties: Mapping[str, object] | None,
) -> bytes | None:
    """``dim`` little-endian float32, or None for a policy that ignores the context.

    The one place where contexts are checked: everything behind it sees these bytes.
    Raises InvalidContext.
    """
    if vector is not None and properties is not None:
        raise InvalidContext("give either vector or properties, not both")
    if entry.dim == 0:
        return None
    if vector is not None:
        return _packed(entry.dim, vector)
    if entry.schema is not None:
        return entry.schema.encode(properties or {}).astype("<f4", copy=False).tobytes()
    if properties is not None:
        raise InvalidContext(
            "the experiment has no context_schema: give a vector, not properties"
        )
    raise InvalidContext(f"the experiment wants a vector of {entry.dim} features")


def _packed(dim: int, vector: Sequence[float]) -> bytes:
    if len(vector) != dim:
        raise InvalidContext(
            f"vector has {len(vector)} features, the experiment wants {dim}"
        )
    try:
        packed = _row(dim).pack(*vector)
    except (struct.error, OverflowError):
        raise _not_finite() from None
    # packing has bounded every finite feature, so the sum cannot overflow by itself
    if not math.isfinite(sum(vector)):
        raise _not_finite()
    return packed


@lru_cache(maxsize=1024)
def _row(dim: int) -> struct.Struct:
    return struct.Struct(f"<{dim}f")


def _not_finite() -> InvalidContext:
    return InvalidContext("every feature must be finite as a 32-bit float")
