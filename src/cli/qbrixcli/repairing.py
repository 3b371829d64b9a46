"""Repairs done in the stores themselves, of any tenant."""

from __future__ import annotations

import argparse
from collections.abc import AsyncIterator
from collections.abc import Awaitable
from collections.abc import Callable
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec

from qbrixcli.datadir import data_directory
from qbrixcli.embedded.errors import StartError
from qbrixcli.stores import POSTGRES_USERS
from qbrixcli.stores import REDIS_USERS
from qbrixcli.stores import named
from qbrixcli.stores import read_published
from qbrixcore.errors import QbrixError
from qbrixserving.settings import SettingsError
from qbrixserving.settings import read_settings
from qbrixstore import rebuild as filling
from qbrixstore.postgres import PostgresSettings
from qbrixstore.postgres import init_db
from qbrixstore.redis import Layout
from qbrixstore.redis import RedisClient
from qbrixstore.redis import RedisSettings
from qbrixstore.redis.config import Limits
from qbrixstore.redis.config import Shards
from qbrixstore.redis.letters import DeadLetters
from qbrixstore.redis.letters import Letter

T = TypeVar("T", bound=msgspec.Struct)

Work = Callable[[DeadLetters, argparse.Namespace], Awaitable[str]]


class _Opening(msgspec.Struct, frozen=True):
    """How an empty store is opened."""

    shards: Shards = 1


async def with_letters(
    work: Work, options: argparse.Namespace, environ: Mapping[str, str]
) -> str:
    """What the work has to say. Raises StartError."""
    async with reach_redis(reached(environ, REDIS_USERS)) as client:
        letters = DeadLetters(client, await Layout.read(client))
        return await work(letters, options)


async def show(letters: DeadLetters, options: argparse.Namespace) -> str:
    """A line for each letter."""
    found = await _wanted(letters, options)
    lines = [_line(letter) for letter in found[: options.limit]]
    more = len(found) - len(lines)
    return "\n".join([*lines, f"and {more} more"] if more > 0 else lines or ["none"])


async def requeue(letters: DeadLetters, options: argparse.Namespace) -> str:
    """Events that are in the log again."""
    count = await letters.requeue(await _wanted(letters, options))
    return f"put {count} into the log again"


async def drop(letters: DeadLetters, options: argparse.Namespace) -> str:
    """Letters that are no more."""
    return f"forgot {await letters.drop(await _wanted(letters, options))}"


async def rebuild(environ: Mapping[str, str]) -> str:
    """Redis with everything that Postgres has and it lacked. Raises StartError."""
    variables = reached(environ, (*REDIS_USERS, *POSTGRES_USERS))
    async with reach_redis(variables) as client:
        engine = init_db(_read(PostgresSettings, "PROXY_POSTGRES_", variables))
        try:
            shards = _read(_Opening, "CORTEX_", variables).shards
            layout, opened = await Layout.prepare(client, shards)
            done = await filling.rebuild(client, engine, layout, emptied=not opened)
            if not opened:
                await layout.open(client)
        finally:
            await engine.dispose()
    return (
        f"{done.restored} experiments go on from snapshots, {done.blank} from the"
        f" prior, {done.unusable} are unusable"
    )


async def _wanted(letters: DeadLetters, options: argparse.Namespace) -> list[Letter]:
    ids = set(getattr(options, "ids", []))
    found = [
        letter
        async for letter in letters.all()
        if not ids or _name(letter) in ids
        if options.experiment in (None, _experiment(letter))
    ]
    missing = ids - {_name(letter) for letter in found}
    if missing:
        raise StartError(f"no such dead letter: {', '.join(sorted(missing))}")
    return found


def _line(letter: Letter) -> str:
    return f"{_name(letter)}  {_experiment(letter) or '-':32}  {letter.reason}"


def _name(letter: Letter) -> str:
    return f"{letter.shard}/{letter.id}"


def _experiment(letter: Letter) -> str | None:
    return None if letter.event is None else letter.event.experiment


def reached(environ: Mapping[str, str], users: tuple[str, ...]) -> Mapping[str, str]:
    """The variables of the stores, of running embedded ones by default.

    Raises StartError.
    """
    if named(environ, users):
        return environ
    data = data_directory(environ)
    running = read_published(data)
    if not (running and data.lock.is_held()):
        raise StartError(f"no stores run on {data.path}: start them with qbrix infra")
    return {**environ, **running}


@asynccontextmanager
async def reach_redis(
    variables: Mapping[str, str],
    limits: Limits = Limits(),  # noqa: B008 (immutable)
) -> AsyncIterator[RedisClient]:
    """Redis as the proxy knows it. Raises StartError."""
    settings = _read(RedisSettings, "PROXY_REDIS_", variables)
    try:
        async with RedisClient(settings, limits) as client:
            yield client
    except QbrixError as error:
        raise StartError(str(error)) from error


def _read(kind: type[T], prefix: str, variables: Mapping[str, str]) -> T:
    try:
        return read_settings(kind, prefix, variables)
    except SettingsError as error:
        raise StartError(str(error)) from error
