"""The system that clients are pointed at, and the published clients themselves."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.contract.client import GRPC
from tests.contract.client import HTTP
from tests.contract.client import Client
from tests.contract.client import Driver
from tests.contract.client import Wire
from tests.contract.place import Beside
from tests.contract.place import Caller
from tests.contract.place import Place
from tests.system.running import Up
from tests.system.running import scratch

ORIGIN = "https://shop.example.org"


@pytest.fixture(scope="session")
def place() -> Iterator[Place]:
    up = Up(scratch(), PROXY_CORS_ORIGINS=ORIGIN)
    try:
        up.start()
        made = up.credentials
        place = Place(up, made["http_url"], made["grpc_url"].removeprefix("grpc://"))
        place.warm_up()
        yield place
    finally:
        up.put_away()


@pytest.fixture(scope="session")
def driver() -> Iterator[Driver]:
    driver = Driver()
    yield driver
    driver.close()


@pytest.fixture(scope="module")
def caller(place: Place) -> Caller:
    """An admin of a tenant of this module's own."""
    return place.caller()


@pytest.fixture(params=[*HTTP, *GRPC], ids=lambda wire: wire.name.replace(" ", "-"))
def wire(request: pytest.FixtureRequest) -> Wire:
    """Every way in which the client speaks; ``only_http`` and ``only_grpc`` narrow."""
    return request.param


only_http = pytest.mark.parametrize("wire", HTTP, ids=lambda wire: wire.name)
only_grpc = pytest.mark.parametrize("wire", GRPC, ids=lambda wire: wire.name)

Connect = Callable[..., Client]


@pytest.fixture
def connect(wire: Wire, driver: Driver, place: Place) -> Connect:
    """Makes clients of other callers, or of other places."""

    def make(
        caller: Caller | None, at: Place = place, other: Wire = wire, **options: Any
    ) -> Client:
        if caller is not None:
            options["api_key"] = caller.key
        url = at.url(other.transport)
        return driver.client(other, url, **options)

    return make


@pytest.fixture
def client(connect: Connect, caller: Caller) -> Client:
    """The published client, over each wire."""
    return connect(caller)


@pytest.fixture
def plain(place: Place, caller: Caller) -> Iterator[httpx.Client]:
    """Plain HTTP, with the headers of the JavaScript client."""
    with place.plain(caller) as client:
        yield client


@pytest.fixture(scope="module")
def beside(place: Place) -> Iterator[Callable[..., Beside]]:
    """Starts proxies with settings of their own, for as long as the module."""
    made: list[Beside] = []

    def start(**settings: str) -> Beside:
        made.append(Beside(place.up, settings))
        return made[-1]

    yield start
    for proxy in made:
        proxy.stop()
