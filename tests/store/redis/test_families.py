"""What is carried to other shards: every kind of key there is, by a rule of its own."""

from __future__ import annotations

import inspect

import pytest

from qbrixstore.redis import keys
from qbrixstore.redis.moving.families import FAMILIES
from qbrixstore.redis.moving.families import Name
from qbrixstore.redis.moving.families import UnknownFamily
from qbrixstore.redis.moving.families import family_of
from qbrixstore.redis.moving.families import totals

PREFIX = keys.prefix(3, 0)
# names that are no keys: of fields, of channels, and what others start with
NO_KEYS = {"prefix", "channel", "counter", "shard_of"}


def declared() -> set[str]:
    """Every kind of key that the one module that names keys can name."""
    found = set()
    for name, made in inspect.getmembers(keys, inspect.isfunction):
        if made.__module__ == keys.__name__ and name not in NO_KEYS:
            wanted = inspect.signature(made).parameters
            given = {
                one: 0 if wanted[one].annotation == "int" else "x" for one in wanted
            }
            found.add(Name.of(made(**{**given, "layout": 3}), PREFIX).family)
    return found


def test_every_kind_of_key_has_a_rule() -> None:
    assert declared() == set(FAMILIES)


def test_a_kind_that_is_not_known_is_refused() -> None:
    with pytest.raises(UnknownFamily, match="unknown kind of key: novelty"):
        family_of(Name.of(f"{PREFIX}novelty:1", PREFIX))


@pytest.mark.parametrize(
    "key",
    [
        keys.definition(3, 0, "t", "e"),
        keys.params(3, 0, "t", "e"),
        keys.counts(3, 0, "t", "e"),
        keys.contexts(3, 0, "t", "e", "all"),
    ],
)
def test_a_key_of_an_experiment_names_it(key: str) -> None:
    name = Name.of(key, PREFIX)
    assert family_of(name).rule == "own"
    assert name.experiment == "e"
    assert PREFIX + name.suffix == key


def test_counters_add_up_and_fences_only_grow() -> None:
    one = {"layout": b"1.2.x", "fence": b"4", "events": b"10", "changed:params": b"7"}
    two = {"layout": b"1.2.x", "fence": b"9", "events": b"5", "handled": b"5"}
    first, second, third = totals([one, two], 3)
    assert first == {"fence": 9, "events": 15, "handled": 5, "changed:params": 7}
    assert second == third == {"fence": 9, "changed:params": 7}


def test_what_awaits_a_reward_is_counted_anew() -> None:
    [meta] = totals([{"awaited": b"9", "settled": b"4"}], 1)
    assert meta == {"awaited": 4, "settled": 4}
