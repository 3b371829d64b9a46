"""Sorting: events by experiment in log order, each with its place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cortex.samples import TENANT
from tests.cortex.samples import event

from cortexsvc.sorting import Sorted
from qbrixstore.redis.batch import Batch
from qbrixstore.redis.batch import Entry
from qbrixstore.redis.event import decode
from qbrixstore.redis.event import encode

GARBAGE = b"\xc1"


def batch(entries: list[tuple[str, list[bytes]]], start: str = "0-0") -> Batch:
    read = Batch(start, start)
    read.add([Entry(*entry) for entry in entries], 10**9, 10**9)
    return read


EVENTS = st.one_of(
    st.just(GARBAGE),
    st.builds(
        lambda name, sequence: encode(event(sequence, experiment=name)),
        st.sampled_from(["e1", "e2", "e3"]),
        st.integers(0, 1_000),
    ),
)
ENTRIES = st.lists(st.lists(EVENTS, min_size=1, max_size=5), max_size=6).map(
    lambda rows: [(f"{5 + i // 2}-{i % 2}", row) for i, row in enumerate(rows)]
)


@given(ENTRIES)
def test_every_event_is_in_one_place(entries: list[tuple[str, list[bytes]]]) -> None:
    sorted_batch = Sorted(batch(entries))
    flat = [data for _, row in entries for data in row]
    rows = dict.fromkeys(sorted_batch.undecodable)
    for (tenant, name), group in sorted_batch.groups.items():
        assert tenant == TENANT
        assert group.rows == sorted(group.rows)
        for one, row in zip(group.events, group.rows, strict=True):
            assert one == decode(flat[row])
            assert one.experiment == name
            rows[row] = None
    assert sorted(rows) == list(range(len(flat)))
    assert all(flat[row] == GARBAGE for row in sorted_batch.undecodable)


@given(ENTRIES)
def test_a_row_is_found_again_in_the_log(
    entries: list[tuple[str, list[bytes]]],
) -> None:
    sorted_batch = Sorted(batch(entries))
    places = [
        (key, offset, data) for key, row in entries for offset, data in enumerate(row)
    ]
    for row, (key, offset, data) in enumerate(places):
        letter = sorted_batch.dead_letter(row, "why")
        assert letter == (key, offset, "why", data)


@pytest.mark.parametrize(
    ("through", "rows"),
    [
        ("0-0", 0),
        ("4-9", 0),
        ("5-0", 2),
        ("5-1", 2),
        ("9-0", 3),
        ("10-0", 6),
        ("99-0", 6),
    ],
)
def test_rows_up_to_an_id(through: str, rows: int) -> None:
    one = encode(event())
    sorted_batch = Sorted(
        batch([("5-0", [one] * 2), ("9-0", [one]), ("10-0", [one] * 3)], start="4-9")
    )
    assert sorted_batch.rows_through(through) == rows
    (group,) = sorted_batch.groups.values()
    assert group.behind(rows).rows == list(range(rows, 6))


def test_the_same_id_in_two_tenants_is_two_experiments() -> None:
    rows = [encode(event()), encode(event(tenant="t2"))]
    assert len(Sorted(batch([("1-0", rows)])).groups) == 2
