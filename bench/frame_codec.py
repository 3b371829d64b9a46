"""Forms of the motor stream's frames: CPU per item for both ends of the wire.

One round trip is: the proxy encodes a frame of waiting items, the motor decodes it into
one batch per experiment, encodes the answers of each batch, and the proxy decodes them
to one answer per item. Run as ``python -m bench.frame_codec``.
"""

from __future__ import annotations

import gc
import statistics
import sys
import time
from collections.abc import Iterator
from itertools import product

import numpy as np
from bench.frame_forms import Answers
from bench.frame_forms import Form
from bench.frame_forms import Item
from bench.frame_forms import PackedColumns
from bench.frame_msgpack import MsgpackColumns
from bench.frame_msgpack import MsgpackItems
from bench.frame_rivals import ByteColumns
from bench.frame_rivals import ItemMessages

FORMS: tuple[Form, ...] = (
    ItemMessages(),
    PackedColumns(),
    ByteColumns(),
    MsgpackItems(),
    MsgpackColumns(),
)
SIZES = (1, 16, 64, 256)
DIMS = (0, 16)
ROUNDS = 9
ITEMS_PER_ROUND = 8_192


def waiting(size: int, dim: int, experiments: int) -> list[Item]:
    """A frame's worth of items, spread over so many experiments."""
    rng = np.random.default_rng(size)
    return [
        Item(
            seq=1_000_000 + n,
            tenant="5f1d7a84db384c64a7a0f5a7a9a3b0c1",
            experiment=f"{n % experiments:032x}",
            definition_version=7,
            context_id=f"user-{n}",
            vector=rng.random(dim, dtype=np.float32).tobytes(),
            remaining_ms=5_000,
        )
        for n in range(size)
    ]


def round_trip(
    form: Form, items: list[Item], dim: int
) -> dict[int, tuple[object, ...]]:
    """Both directions, with answers that cost nothing to find."""
    answers = []
    for batch in form.decode_items(form.encode_items(items, dim)):
        count = len(batch.seqs)
        arms = np.arange(count, dtype=np.int64) % 10
        propensities = np.full(count, 0.1)
        answers.append(Answers(batch.seqs, arms, propensities, 3, 1_234, 7))
    return form.decode_answers(form.encode_answers(answers))


def check(items: list[Item], dim: int) -> None:
    """Every form brings the same items and the same answers across."""
    for form in FORMS:
        batches = form.decode_items(form.encode_items(items, dim))
        seen = {}
        for batch in batches:
            for n, seq in enumerate(batch.seqs):
                seen[seq] = batch.vectors[n].tobytes()
        assert seen == {item.seq: item.vector for item in items}, form.name
        answered = round_trip(form, items, dim)
        assert answered.keys() == seen.keys(), form.name
        assert all(answer[1:] == (0.1, 3, 1_234, 7) for answer in answered.values())


def seconds(form: Form, items: list[Item], dim: int) -> float:
    """CPU seconds per item of one round."""
    repeats = max(1, ITEMS_PER_ROUND // len(items))
    start = time.process_time()
    for _ in range(repeats):
        round_trip(form, items, dim)
    return (time.process_time() - start) / (repeats * len(items))


def figures() -> Iterator[tuple[str, list[str]]]:
    """A row of microseconds for every kind of frame, in the order of the forms."""
    for size, dim in product(SIZES, DIMS):
        for experiments in sorted({1, min(8, size), size}):
            items = waiting(size, dim, experiments)
            check(items, dim)
            taken: dict[str, list[float]] = {form.name: [] for form in FORMS}
            for _ in range(ROUNDS):
                for form in FORMS:
                    taken[form.name].append(seconds(form, items, dim))
            sizes = {f.name: len(f.encode_items(items, dim)) for f in FORMS}
            yield (
                f"{size:5} {dim:4} {experiments:11}",
                [
                    f"{statistics.median(times) * 1e6:.2f} ({sizes[name] // size})"
                    for name, times in taken.items()
                ],
            )


def main() -> None:
    """Print the table."""
    gc.freeze()
    write = sys.stdout.write
    write("microseconds of CPU per item, median of rounds (bytes per item, request)\n")
    names = "".join(f"{form.name:>20}" for form in FORMS)
    write(f"{'items':>5} {'dim':>4} {'experiments':>11}{names}\n")
    for label, cells in figures():
        write(label + "".join(f"{cell:>20}" for cell in cells) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
