"""The log as Redis wrote it to its disk, from the first event to the last.

It is read from the append-only file of a stopped server: nobody can have trimmed or
changed what is in there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from typing import Final
from typing import NamedTuple

import hiredis

from qbrixcore.errors import InvalidFeedback
from qbrixcore.param import codec
from qbrixstore.redis import keys
from qbrixstore.redis.batch import order
from qbrixstore.redis.event import LogEvent
from qbrixstore.redis.event import decode_many
from qbrixstore.redis.layout import Layout

CHUNK: Final = 2**20
MANIFEST: Final = "appendonly.aof.manifest"

Place = tuple[int, int]  # an id of the stream


class Entry(NamedTuple):
    """Where an event is in the log, and the event."""

    place: Place
    event: LogEvent


class History(NamedTuple):
    """All events of each experiment in log order.

    ``reached`` says through which place a version of its params has learned.
    """

    events: dict[str, list[Entry]]
    reached: dict[tuple[str, int], Place]
    undecodable: int


def read(directory: Path, layout: Layout, tenant: str) -> History:
    """From the data directory of a Redis; all of it once that is stopped."""
    history = History({}, {}, 0)
    undecodable = 0
    shards = range(layout.shards)
    logs = {layout.log(shard).encode() for shard in shards}
    params = re.compile(
        "|".join(
            re.escape(keys.params(layout.number, shard, tenant, "")) for shard in shards
        ).encode()
    )
    for command in commands(directory / "appendonlydir"):
        name, key = command[0].upper(), command[1] if len(command) > 1 else b""
        if name == b"XADD" and key in logs:
            undecodable += _append(history, command)
        elif name == b"HSET" and (found := params.match(key)):
            _note(history, key[found.end() :].decode(), command)
    return history._replace(undecodable=undecodable)


def commands(directory: Path) -> Iterator[list[bytes]]:
    """Every command that changed something, in order; a torn end is left out."""
    lines = (directory / MANIFEST).read_text().splitlines()
    described = [dict(zip(w[::2], w[1::2], strict=True)) for w in map(str.split, lines)]
    parts = [one for one in described if one["type"] == "i"]
    for part in sorted(parts, key=lambda one: int(one["seq"])):
        reader = hiredis.Reader()
        with (directory / part["file"]).open("rb") as file:
            while chunk := file.read(CHUNK):
                reader.feed(chunk)
                while (command := reader.gets()) is not False:
                    yield command


def _append(history: History, command: list[Any]) -> int:
    place, undecodable = order(command[2].decode()), 0
    for event in decode_many(command[4::2]):
        if isinstance(event, InvalidFeedback):
            undecodable += 1
        else:
            history.events.setdefault(event.experiment, []).append(Entry(place, event))
    return undecodable


def _note(history: History, experiment: str, command: list[Any]) -> None:
    fields = dict(zip(command[2::2], command[3::2], strict=True))
    header = codec.decode_header(fields[b"s"])
    through = order(header.learned_through)
    history.reached[experiment, header.version] = through
