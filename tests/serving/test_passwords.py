"""Passwords: what matches, and that nobody waits for a hash on the loop."""

from __future__ import annotations

import asyncio
import threading
from typing import Literal

import pytest
from argon2 import PasswordHasher

from qbrixcore.errors import Overloaded
from qbrixserving.passwords import Passwords

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


async def test_only_the_password_itself_matches() -> None:
    passwords = Passwords()
    hashed = await passwords.hash("correct horse")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify(hashed, "correct horse")
    assert not await passwords.verify(hashed, "correct horsf")
    assert not await passwords.verify(hashed, "")


async def test_equal_passwords_have_different_hashes() -> None:
    passwords = Passwords(hasher=QUICK)
    assert await passwords.hash("same") != await passwords.hash("same")


@pytest.mark.parametrize("hashed", ["", "$argon2id$", "not a hash"])
async def test_what_is_no_hash_matches_nothing(hashed: str) -> None:
    assert not await Passwords(hasher=QUICK).verify(hashed, "")


class Watched(PasswordHasher):
    """Counts verifications, and how many ran at once."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.verified = self.running = self.most = 0
        self.threads: set[threading.Thread] = set()
        self._lock = threading.Lock()

    def verify(self, hash: str | bytes, password: str | bytes) -> Literal[True]:
        with self._lock:
            self.verified += 1
            self.running += 1
            self.most = max(self.most, self.running)
            self.threads.add(threading.current_thread())
        try:
            return super().verify(hash, password)
        finally:
            with self._lock:
                self.running -= 1


async def test_an_unknown_user_costs_as_much_and_never_matches() -> None:
    hasher = Watched()
    passwords = Passwords(hasher=hasher)
    assert not await passwords.verify(None, "")
    assert not await passwords.verify(None, "guess")
    assert hasher.verified == 2


async def test_at_most_two_at_once_and_none_on_the_loop() -> None:
    hasher = Watched()
    passwords = Passwords(hasher=hasher)
    hashed = await passwords.hash("x")
    checks = [passwords.verify(hashed, "x") for _ in range(50)]
    assert all(await asyncio.gather(*checks))
    assert hasher.most <= 2
    assert threading.current_thread() not in hasher.threads


class Slow(PasswordHasher):
    """Hashes only when it may."""

    def __init__(self) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self.may = threading.Event()
        self.running = 0

    def hash(self, password: str | bytes, *, salt: bytes | None = None) -> str:
        self.running += 1
        self.may.wait()
        return super().hash(password, salt=salt)


async def test_who_comes_when_many_wait_is_refused() -> None:
    hasher = Slow()
    passwords = Passwords(hasher=hasher, waiting=3)
    first = [asyncio.create_task(passwords.hash("x")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await passwords.hash("x")
    hasher.may.set()
    assert len(await asyncio.gather(*first)) == 3
    assert await passwords.hash("x")


async def test_who_gives_up_frees_no_turn() -> None:
    hasher = Slow()
    passwords = Passwords(hasher=hasher)
    for _ in range(10):
        call = asyncio.create_task(passwords.hash("x"))
        await asyncio.sleep(0.01)
        call.cancel()
    assert hasher.running == 2
    hasher.may.set()
    assert await passwords.hash("x")


async def test_a_cheaper_hash_is_outdated() -> None:
    cheap = await Passwords(hasher=QUICK).hash("x")
    passwords = Passwords()
    assert passwords.outdated(cheap)
    assert not passwords.outdated(await passwords.hash("x"))
