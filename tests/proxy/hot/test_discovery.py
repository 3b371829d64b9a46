"""Motors behind names: what is found, and what changes that."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxysvc.stream.discovery import Discovery
from proxysvc.stream.discovery import addresses_of
from proxysvc.stream.places import Place

NAME = "motors.test"
PATIENCE = 60.0
WATCH = f"""
import asyncio
from proxysvc.stream.discovery import Discovery
from proxysvc.stream.places import Place

async def watch():
    found = Discovery([Place("{NAME}", 50051), Place("10.9.9.9", 7)], 0.02)
    print(*await found.start(), flush=True)
    await found.run(lambda addresses: print(*addresses, flush=True))

asyncio.run(watch())
"""


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("motor", "motor:1"),
        ("motor:50051", "motor:50051"),
        (" 10.0.0.1 ", "10.0.0.1:1"),
        ("10.0.0.1:2", "10.0.0.1:2"),
        ("::1", "[::1]:1"),
        ("[::1]", "[::1]:1"),
        ("[fd00::1]:3", "[fd00::1]:3"),
    ],
)
def test_places_are_read(text: str, address: str) -> None:
    place = Place.parse(text, 1)
    assert place.address == address
    assert Place.parse(address, 9) == place
    assert place.is_name == text.startswith("motor")


@pytest.mark.parametrize(
    "text", ["", ":1", "motor:", "motor:x", "motor:70000", "[::1", "a:b:c", "::x"]
)
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Place.parse(text, 1)


@given(st.text(max_size=20))
def test_any_text_is_a_place_or_refused(text: str) -> None:
    try:
        place = Place.parse(text, 1)
    except ValueError:
        return
    assert Place.parse(place.address, 2) == place


async def test_a_name_is_its_ipv4_addresses() -> None:
    assert "127.0.0.1:5" in await addresses_of(Place("localhost", 5))
    assert await addresses_of(Place("::1", 5)) == ("[::1]:5",)


async def test_a_name_that_does_not_resolve_is_left_to_the_stream(
    caplog: pytest.LogCaptureFixture,
) -> None:
    places = [Place("nowhere.invalid", 5), Place("127.0.0.1", 6), Place("x" * 99, 7)]
    found = Discovery(places, 0.01)
    addresses = ("nowhere.invalid:5", "127.0.0.1:6", f"{'x' * 99}:7")
    assert await found.start() == addresses
    await found.look()
    assert found.addresses == addresses
    assert caplog.text.count("nowhere.invalid does not resolve") == 1


async def test_addresses_are_not_looked_up_again() -> None:
    told: list[Sequence[str]] = []
    found = Discovery([Place("127.0.0.1", 5), Place("::1", 5)], 0.0)
    async with asyncio.timeout(20):
        await found.run(told.append)
    assert told == []


def mounted(hosts: Path, script: str) -> list[str]:
    """A command that reads ``hosts`` where the machine's own names are."""
    mount = 'mount --bind "$0" /etc/hosts && exec "$@"'
    command = ["unshare", "-rm", "sh", "-c", mount, str(hosts)]
    return [*command, sys.executable, "-c", script]


@pytest.fixture
def hosts(tmp_path: Path) -> Path:
    """Names of our own."""
    hosts = tmp_path / "hosts"
    hosts.write_text(f"10.1.1.1 {NAME}\n")
    try:
        subprocess.run(mounted(hosts, ""), check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this account may not mount a file of names for one process")
    return hosts


def test_motors_behind_a_name_come_and_go(hosts: Path) -> None:
    fixed = "10.9.9.9:7"
    with subprocess.Popen(mounted(hosts, WATCH), stdout=subprocess.PIPE) as process:
        # whoever waits for a line would wait forever for a program that is stuck
        watchdog = threading.Timer(PATIENCE, process.kill)
        watchdog.start()

        def said() -> set[str]:
            assert process.stdout is not None
            return set(process.stdout.readline().decode().split())

        assert said() == {"10.1.1.1:50051", fixed}
        hosts.write_text(f"10.1.1.1 {NAME}\n10.1.1.2 {NAME}\n")
        assert said() == {"10.1.1.1:50051", "10.1.1.2:50051", fixed}
        # an outage of the name service takes nothing away
        hosts.write_text("")
        time.sleep(0.2)
        hosts.write_text(f"10.1.1.3 {NAME}\n")
        assert said() == {"10.1.1.3:50051", fixed}
        watchdog.cancel()
        process.kill()
