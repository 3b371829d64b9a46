"""What becomes of each kind of key when the store is divided anew."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from typing import Literal
from typing import NamedTuple

from qbrixcore.errors import Conflict
from qbrixstore.redis.awaited import decode_batch

Rule = Literal["own", "rows", "bits", "numbers", "union", "first", "drained", "joined"]


class UnknownFamily(Conflict):
    """the store holds keys that this version does not know"""


class Family(NamedTuple):
    """How the keys whose names start alike are carried.

    ========= ===================================================================
    own       belongs to the experiment in its name, and goes where that one goes
    rows      each row goes where the experiment of its row goes, see ``of``
    bits      goes to every shard: a bit that was set anywhere is set there
    numbers   goes to every shard: the largest one counts
    union     goes to every shard: with all members
    first     belongs to nobody in particular, and stays in shard 0
    drained   is empty, or of no use, by the time the others are carried
    joined    made of those of all shards, see ``totals``
    ========= ===================================================================
    """

    rule: Rule
    of: Callable[[bytes], str | None] = lambda row: row.decode()


def _second(row: bytes) -> str:
    return row.decode().partition(":")[2]


def _awaiting(row: bytes) -> str | None:
    batch = decode_batch(row)
    return batch.experiment if batch else None


FAMILIES: Final[Mapping[str, Family]] = MappingProxyType(
    {
        "meta": Family("joined"),
        "dead": Family("joined"),
        "log": Family("drained"),
        "choices": Family("drained"),
        "lease": Family("drained"),
        "definition": Family("own"),
        "params": Family("own"),
        "counts": Family("own"),
        "contexts": Family("own"),
        "learned": Family("rows"),
        "learned_at": Family("rows"),
        "counted": Family("rows", _second),
        "awaited": Family("rows", _awaiting),
        "policies": Family("union"),
        "marks": Family("bits"),
        "lapsed": Family("bits"),
        "counter": Family("numbers"),
        "chooser": Family("numbers"),
        "usage": Family("first"),
        "calls": Family("first"),
    }
)


class Name(NamedTuple):
    """A key without its prefix: the family, and what tells it from its like."""

    family: str
    rest: tuple[str, ...]

    @classmethod
    def of(cls, key: str, prefix: str) -> Name:
        family, *rest = key.removeprefix(prefix).split(":")
        return cls(family, tuple(rest))

    @property
    def suffix(self) -> str:
        """What follows the prefix, in any shard."""
        return ":".join((self.family, *self.rest))

    @property
    def experiment(self) -> str:
        """Whose it is; the family's rule is ``own``."""
        return self.rest[1]


def family_of(name: Name) -> Family:
    """Raises UnknownFamily."""
    try:
        return FAMILIES[name.family]
    except KeyError:
        raise UnknownFamily(f"unknown kind of key: {name.family}") from None


# counters of meta that everybody goes on from, instead of those that are summed
_LARGEST: Final = ("fence", "committed_ms", "changed:")


def totals(metas: list[dict[str, bytes]], shards: int) -> list[dict[str, int]]:
    """The counters of each new shard, from those of all old ones.

    Fences and counters of changes only grow, so each shard takes the largest. What was
    counted is told as a sum, in shard 0; what awaits its reward is counted when its
    rows are carried.
    """
    largest: dict[str, int] = {}
    sums: dict[str, int] = {}
    for meta in metas:
        for field, value in meta.items():
            if field == "layout":
                continue
            if field.startswith(_LARGEST):
                largest[field] = max(largest.get(field, 0), int(value))
            else:
                sums[field] = sums.get(field, 0) + int(value)
    if "awaited" in sums:
        sums["awaited"] = sums.get("settled", 0)
    return [{**largest, **sums}, *(dict(largest) for _ in range(shards - 1))]
