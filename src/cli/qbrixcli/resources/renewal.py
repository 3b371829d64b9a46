"""Staying logged in: another pair of tokens for a refresh token."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import httpx
import msgspec

from qbrixcli.resources.errors import SessionEnded
from qbrixcli.resources.profiles import Profile
from qbrixcli.resources.profiles import ProfileFile
from qbrixcli.resources.profiles import find
from qbrixcli.resources.refusal import refusal


async def renewed(
    client: httpx.AsyncClient, file: ProfileFile, name: str, used: Profile
) -> Profile:
    """The profile with tokens that work, kept in the file.

    One command at a time renews; the others find what it got. A refresh token counts
    as stolen when it is used long after it was replaced, so the pair is written down
    before it is used. Raises SessionEnded.
    """
    async with AsyncExitStack() as stack:
        lock = file.locked()
        await asyncio.to_thread(lock.__enter__)
        stack.push(lock.__exit__)
        book = file.read()
        kept = find(book, name)
        # the address may be another one for this command
        current = msgspec.structs.replace(kept, url=used.url)
        if kept.access_token != used.access_token:
            return current
        pair = await _refresh(client, current, name)
        book.profiles[name] = msgspec.structs.replace(kept, **pair)
        file.write(book)
        return msgspec.structs.replace(current, **pair)


async def _refresh(
    client: httpx.AsyncClient, profile: Profile, name: str
) -> dict[str, str]:
    answer = await client.post(
        f"{profile.url}/api/auth/refresh", json={"refresh_token": profile.refresh_token}
    )
    if answer.status_code == 401:
        raise SessionEnded(f"the login of profile {name} has ended: run qbrix login")
    if not answer.is_success:
        raise refusal(answer)
    pair = answer.json()
    return {kind: str(pair[kind]) for kind in ("access_token", "refresh_token")}
