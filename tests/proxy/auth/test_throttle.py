"""How often somebody may try."""

from __future__ import annotations

import pytest

from proxysvc.accounts.throttle import Doorkeeper
from proxysvc.accounts.throttle import Throttle
from proxysvc.accounts.throttle import network
from qbrixcore.errors import Overloaded
from qbrixserving.errors import retry_after


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def admitted(throttle: Throttle, name: str, attempts: int) -> int:
    """How many of so many attempts in a row are let through."""
    passed = 0
    for _ in range(attempts):
        try:
            throttle.admit(name)
        except Overloaded:
            break
        passed += 1
    return passed


def test_attempts_come_back_evenly() -> None:
    clock = Clock()
    throttle = Throttle(10, clock=clock)
    assert admitted(throttle, "a", 100) == 10
    clock.now += 5.9
    assert admitted(throttle, "a", 100) == 0
    clock.now += 0.2
    assert admitted(throttle, "a", 100) == 1
    clock.now += 12.0
    assert admitted(throttle, "a", 100) == 2
    clock.now += 3_600.0
    assert admitted(throttle, "a", 100) == 10


def test_a_refusal_says_when_to_come_again_and_costs_nothing() -> None:
    clock = Clock()
    throttle = Throttle(10, clock=clock)
    admitted(throttle, "a", 10)
    for _ in range(50):
        with pytest.raises(Overloaded) as refused:
            throttle.admit("a")
        assert retry_after(refused.value) == 6
    clock.now += 6.0
    throttle.admit("a")


def test_names_do_not_share() -> None:
    throttle = Throttle(3, clock=Clock())
    assert [admitted(throttle, name, 9) for name in ("a", "b", "c")] == [3, 3, 3]


def test_memory_is_bounded() -> None:
    throttle = Throttle(1, remembered=50, clock=Clock())
    for number in range(5_000):
        throttle.admit(str(number))
    assert len(throttle._due) == 50


def test_a_door_counts_addresses_and_people_apart() -> None:
    door = Doorkeeper(by_address=4, by_email=2, by_login=1)
    door.admit("1.2.3.4", "A@example.org ")
    door.admit("1.2.3.5", "a@example.org")
    with pytest.raises(Overloaded):
        door.admit("1.2.3.6", "a@Example.org")
    for number in range(3):
        door.admit("1.2.3.4", f"{number}@example.org")
    with pytest.raises(Overloaded):
        door.admit("1.2.3.4", "new@example.org")
    door.admit_login("x")
    with pytest.raises(Overloaded):
        door.admit_login("x")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("1.2.3.4", "1.2.3.4"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_one_host_is_one_name(address: str, shown: str) -> None:
    assert network(address) == shown
