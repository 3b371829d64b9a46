"""The published client, unmodified, in an environment of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.published import published_python
from tests.published import run
from tests.system.learned import learned
from tests.system.running import Up

# runs the quick start exactly as the package's own page has it
QUICK_START = """
import importlib.metadata, re, sys
page = importlib.metadata.metadata("qbrix").get_payload()
section = page.split("## Quick Start", 1)[1].split("## ", 1)[0]
code = re.search(r"```python\\n(.*?)```", section, re.S).group(1)
for call in ("pool.create", "experiment.create", "agent.select", "agent.feedback"):
    assert f"qbrix.{call}(" in code, call
exec(compile(code, "quick start", "exec"))
print("made", exp.id, pool.id, result.arm.index)
"""


@pytest.fixture(scope="module")
def python() -> Path:
    """An interpreter with the client."""
    return published_python()


@pytest.fixture(params=["http", "grpc"])
def said(
    request: pytest.FixtureRequest, python: Path, system: Up
) -> Iterator[re.Match[str]]:
    """What the quick start printed, over each wire."""
    made = system.credentials
    output = run(
        [str(python), "-c", QUICK_START],
        {
            "QBRIX_API_KEY": made["api_key"],
            "QBRIX_BASE_URL": made[f"{request.param}_url"],
            "QBRIX_TRANSPORT": request.param,
        },
    )
    found = re.fullmatch(r"(\w+)\n(\w+)\nmade (\w+) (\w+) (\d)\n", output)
    assert found is not None, output
    yield found
    with system.client() as client:
        assert client.delete(f"/experiments/{found[3]}").is_success
        assert client.delete(f"/pools/{found[4]}").is_success


async def test_the_quick_start_runs_and_is_learned_from(
    said: re.Match[str], system: Up
) -> None:
    name, is_default, experiment, _, arm = said.groups()
    assert name in {"blue", "green", "red"}
    assert is_default == "False"
    async with learned(system, experiment) as state:
        pulls = await state.until(1)
    assert pulls.sum() == 1
    assert pulls[int(arm)] == 1
