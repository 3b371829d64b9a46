"""Routing: experiments stay with their motor, and a hot one spreads."""

from __future__ import annotations

from collections import Counter

from proxysvc.stream.routing import Rendezvous
from proxysvc.stream.routing import bounded

NODES = [f"10.0.0.{n}:50051" for n in range(4)]
KEYS = [f"experiment-{n}" for n in range(2_000)]


def test_every_node_gets_its_share() -> None:
    rendezvous = Rendezvous(NODES)
    firsts = Counter(rendezvous.order(key)[0] for key in KEYS)
    assert all(400 < firsts[node] < 600 for node in range(4)), firsts


def test_an_order_names_every_node_once_and_stays() -> None:
    first, second = Rendezvous(NODES), Rendezvous(NODES)
    for key in KEYS[:100]:
        assert sorted(first.order(key)) == [0, 1, 2, 3]
        assert first.order(key) == second.order(key) == first.order(key)


def test_a_node_more_takes_keys_but_moves_none_between_the_others() -> None:
    before, after = Rendezvous(NODES[:3]), Rendezvous(NODES)
    moved = 0
    for key in KEYS:
        if after.order(key)[0] == 3:
            moved += 1
        else:
            assert after.order(key)[0] == before.order(key)[0]
    assert 400 < moved < 600


def test_an_idle_system_keeps_to_the_preferred_node() -> None:
    assert bounded((2, 0, 1), [0, 0, 0]) == 2
    assert bounded((0,), [17]) == 0


def test_a_hot_key_spills_over_to_the_next_node() -> None:
    loads = [0, 0, 0]
    for _ in range(300):
        loads[bounded((2, 0, 1), loads)] += 1
    assert loads[2] >= max(loads)
    assert max(loads) <= 1.25 * 301 / 3 + 1
    assert min(loads) > 0


def test_load_elsewhere_does_not_push_a_key_away() -> None:
    assert bounded((1, 0, 2), [90, 30, 90]) == 1


def test_only_the_nodes_in_the_order_count() -> None:
    assert bounded((0, 2), [5, 1_000, 5]) == 0
