"""A directory of principals that answers from memory, when it may."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Collection
from typing import Any

import msgspec

from qbrixcore.errors import Unavailable
from qbrixstore.postgres.principal import Principal


def somebody(**more: Any) -> Principal:
    given: dict[str, Any] = {
        "tenant_id": "t",
        "user_id": "u",
        "key_id": "k",
        "role": "admin",
        "scopes": frozenset(),
        "plan": "free",
        **more,
    }
    return Principal(**given)


class Store:
    """Answers from a dictionary; ``gate`` holds an answer that was read already."""

    def __init__(self) -> None:
        self.known: dict[str, Principal] = {}
        self.asked: list[set[str]] = []
        self.away = False
        self.gate = asyncio.Event()
        self.gate.set()

    def learn(self, principal: Principal) -> bytes:
        key = b"optiq_" + secrets.token_urlsafe(32).encode()
        self.known[hashlib.sha256(key).hexdigest()] = principal
        return key

    def replace(self, **changes: Any) -> None:
        for digest, principal in self.known.items():
            self.known[digest] = msgspec.structs.replace(principal, **changes)

    async def find(self, references: Collection[str]) -> dict[str, Principal]:
        self.asked.append(set(references))
        found = {one: self.known[one] for one in references if one in self.known}
        await self.gate.wait()
        if self.away:
            raise Unavailable
        return found
