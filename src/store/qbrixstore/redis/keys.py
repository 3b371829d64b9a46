"""Every Redis key and channel there is.

A key reads ``qbrix:{s<layout>.<shard>}:<what>``: the part in braces is the hash tag,
so that everything one script touches lives in one slot of a Redis Cluster. The pointer
to the layout in use is the one key of the reserved layout 0.
"""

from __future__ import annotations

from hashlib import blake2b

GROUP = "cortex"
ROOT = "qbrix:{"  # how every key and channel starts
LAYOUT = "qbrix:{s0.0}:layout"
MARKS_PER_CHUNK = 65_536

DEFINITIONS = "definitions"
PARAMS = "params"
CREDENTIALS = "credentials"


def shard_of(experiment: str, shards: int) -> int:
    """Shard of an experiment, in [0, shards): BLAKE2b-64 of its id, modulo."""
    digest = blake2b(experiment.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % shards


def prefix(layout: int, shard: int) -> str:
    return f"{ROOT}s{layout}.{shard}}}:"


def meta(layout: int, shard: int) -> str:
    """Hash: layout, fence, counters of events and of changes."""
    return prefix(layout, shard) + "meta"


def log(layout: int, shard: int) -> str:
    """Stream: the feedback log, up to 64 events an entry."""
    return prefix(layout, shard) + "log"


def dead(layout: int, shard: int) -> str:
    """Stream: events that could not be learned, each with its reason."""
    return prefix(layout, shard) + "dead"


def choices(layout: int, shard: int) -> str:
    """Stream: selections that the decision log has not taken, up to 64 an entry."""
    return prefix(layout, shard) + "choices"


def chooser_of(layout: int, shard: int, issuer: str) -> str:
    """String with expiry: number of the last batch of selections of a worker."""
    return f"{prefix(layout, shard)}chooser:{issuer}"


def lease(layout: int, shard: int) -> str:
    """String with expiry: name of the consumer that owns the shard."""
    return prefix(layout, shard) + "lease"


def policies(layout: int, shard: int) -> str:
    """Set: names of the policies that experiments of the shard use."""
    return prefix(layout, shard) + "policies"


def learned(layout: int, shard: int) -> str:
    """Hash: events learned so far, by experiment."""
    return prefix(layout, shard) + "learned"


def learned_at(layout: int, shard: int) -> str:
    """Hash: when an experiment last learned, milliseconds of the server's clock."""
    return prefix(layout, shard) + "learned_at"


def definition(layout: int, shard: int, tenant: str, experiment: str) -> str:
    """Hash: v (version) and d (bytes); without d it is a tombstone."""
    return f"{prefix(layout, shard)}definition:{tenant}:{experiment}"


def params(layout: int, shard: int, tenant: str, experiment: str) -> str:
    """Hash: f (fence), g (generation), v (version), s (encoded state)."""
    return f"{prefix(layout, shard)}params:{tenant}:{experiment}"


def marks(layout: int, shard: int, issuer: int, chunk: int) -> str:
    """Bitmap with expiry: one bit for each feedback accepted of an issuer's chunk."""
    return f"{prefix(layout, shard)}marks:{issuer:016x}:{chunk:x}"


def awaited(layout: int, shard: int) -> str:
    """Sorted set: batches of selections without feedback, by when they lapse, ms."""
    return prefix(layout, shard) + "awaited"


def lapsed(layout: int, shard: int, issuer: int, chunk: int) -> str:
    """Bitmap with expiry: one bit for each mark that was set for a default reward."""
    return f"{prefix(layout, shard)}lapsed:{issuer:016x}:{chunk:x}"


def usage(layout: int, minute: int) -> str:
    """Hash with expiry: calls in a minute since the epoch, by key and by user."""
    return f"{prefix(layout, 0)}usage:{minute}"


def counts(layout: int, shard: int, tenant: str, experiment: str) -> str:
    """Hash: id, n (revision) and, by hour and arm, what was counted lately."""
    return f"{prefix(layout, shard)}counts:{tenant}:{experiment}"


def counted(layout: int, shard: int) -> str:
    """Set: ``tenant:experiment`` whose counts are ahead of Postgres."""
    return prefix(layout, shard) + "counted"


def counter_of(layout: int, shard: int, issuer: str) -> str:
    """String with expiry: number of the last batch of counts taken from a worker."""
    return f"{prefix(layout, shard)}counter:{issuer}"


def contexts(layout: int, shard: int, tenant: str, experiment: str, day: str) -> str:
    """HyperLogLog: ids of contexts of a day (since the epoch), or of ``all``."""
    return f"{prefix(layout, shard)}contexts:{tenant}:{experiment}:{day}"


def call_budget(layout: int, id_: str) -> str:
    """Hash with expiry: minute, and calls taken of it by all workers."""
    return f"{prefix(layout, 0)}calls:{id_}"


def channel(layout: int, shard: int, topic: str) -> str:
    """Channel on which changes of a topic are announced."""
    return f"{prefix(layout, shard)}changed:{topic}"


def counter(topic: str) -> str:
    """Field of the meta hash that counts the changes of a topic."""
    return f"changed:{topic}"
