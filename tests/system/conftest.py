"""The running system, started once a session; a test that breaks it starts its own."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator

import httpx
import pytest
from tests.system.running import Up
from tests.system.running import scratch


@pytest.fixture(scope="session")
def system() -> Iterator[Up]:
    up = Up(scratch())
    try:
        yield up.start()
    finally:
        up.put_away()


@pytest.fixture
def api(system: Up) -> Iterator[httpx.Client]:
    """A client of the shared system."""
    with system.client() as client:
        yield client


@pytest.fixture
def fresh() -> Iterator[Callable[..., Up]]:
    """Makes systems of this test's own, not yet started."""
    made: list[Up] = []

    def make(**variables: str) -> Up:
        made.append(Up(scratch(), **variables))
        return made[-1]

    yield make
    for up in made:
        up.put_away()
