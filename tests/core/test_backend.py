"""The backend that lives in memory."""

from __future__ import annotations

from qbrixcore.param import codec
from qbrixcore.param.backend import InMemoryParamBackend
from qbrixcore.policy.registry import find_spec


async def test_what_goes_in_comes_out() -> None:
    spec = find_spec("BetaTSPolicy")
    stored = codec.fresh(spec, spec.validate({}), 2)
    backend = InMemoryParamBackend()
    assert await backend.get("t1", "e1") is None
    await backend.put("t1", "e1", stored)
    assert await backend.get("t1", "e1") is stored
    assert await backend.get("t2", "e1") is None
