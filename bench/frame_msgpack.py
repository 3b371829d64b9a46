"""Msgpack forms of a frame, which the motor stream does not have."""

from __future__ import annotations

import msgspec
from bench.frame_forms import Answered
from bench.frame_forms import Answers
from bench.frame_forms import Batch
from bench.frame_forms import Item
from bench.frame_forms import batches_of
from bench.frame_forms import grouped
from bench.frame_forms import matrix


class MsgpackItem(msgspec.Struct, array_like=True, gc=False):
    """An item as a msgpack array."""

    seq: int
    tenant: str
    experiment: str
    definition_version: int
    context_id: str
    vector: bytes
    remaining_ms: int


class MsgpackAnswer(msgspec.Struct, array_like=True, gc=False):
    """An answer as a msgpack array."""

    seq: int
    arm: int
    propensity: float
    generation: int
    param_version: int
    definition_version: int


class MsgpackItems:
    """Msgpack, one array an item."""

    name = "msgpack items"
    encoder = msgspec.msgpack.Encoder()
    items = msgspec.msgpack.Decoder(list[MsgpackItem])
    answers = msgspec.msgpack.Decoder(list[MsgpackAnswer])

    def encode_items(self, items: list[Item], dim: int) -> bytes:
        """One array each."""
        return self.encoder.encode(
            [
                (
                    item.seq,
                    item.tenant,
                    item.experiment,
                    item.definition_version,
                    item.context_id,
                    item.vector,
                    item.remaining_ms,
                )
                for item in items
            ]
        )

    def decode_items(self, data: bytes) -> list[Batch]:
        """Grouped on arrival."""
        return batches_of(
            ((i.tenant, i.experiment, i.definition_version), i.seq, i.vector)
            for i in self.items.decode(data)
        )

    def encode_answers(self, answers: list[Answers]) -> bytes:
        """One array each."""
        rows = []
        for found in answers:
            shared = (found.generation, found.param_version, found.definition_version)
            arms, propensities = found.arms.tolist(), found.propensities.tolist()
            for row in zip(found.seqs, arms, propensities, strict=True):
                rows.append((*row, *shared))
        return self.encoder.encode(rows)

    def decode_answers(self, data: bytes) -> Answered:
        """By seq."""
        return {
            a.seq: (
                a.arm,
                a.propensity,
                a.generation,
                a.param_version,
                a.definition_version,
            )
            for a in self.answers.decode(data)
        }


class MsgpackGroup(msgspec.Struct, array_like=True, gc=False):
    """The items of one experiment as msgpack columns."""

    tenant: str
    experiment: str
    definition_version: int
    seqs: list[int]
    remaining_ms: list[int]
    context_ids: list[str]
    vectors: bytes


class MsgpackFound(msgspec.Struct, array_like=True, gc=False):
    """The answers of one batch as msgpack columns."""

    seqs: list[int]
    arms: list[int]
    propensities: list[float]
    generation: int
    param_version: int
    definition_version: int


class MsgpackColumns:
    """Msgpack, one group an experiment, an array a column."""

    name = "msgpack columns"
    encoder = msgspec.msgpack.Encoder()
    groups = msgspec.msgpack.Decoder(list[MsgpackGroup])
    founds = msgspec.msgpack.Decoder(list[MsgpackFound])

    def encode_items(self, items: list[Item], dim: int) -> bytes:
        """One group an experiment."""
        return self.encoder.encode(
            [
                (
                    *key,
                    [item.seq for item in group],
                    [item.remaining_ms for item in group],
                    [item.context_id for item in group],
                    b"".join([item.vector for item in group]),
                )
                for key, group in grouped(items).items()
            ]
        )

    def decode_items(self, data: bytes) -> list[Batch]:
        """Its batches."""
        return [
            Batch(group.seqs, matrix(group.vectors, len(group.seqs)))
            for group in self.groups.decode(data)
        ]

    def encode_answers(self, answers: list[Answers]) -> bytes:
        """One group a batch."""
        return self.encoder.encode(
            [
                (
                    found.seqs,
                    found.arms.tolist(),
                    found.propensities.tolist(),
                    found.generation,
                    found.param_version,
                    found.definition_version,
                )
                for found in answers
            ]
        )

    def decode_answers(self, data: bytes) -> Answered:
        """By seq."""
        answered: Answered = {}
        for found in self.founds.decode(data):
            shared = (found.generation, found.param_version, found.definition_version)
            rows = zip(found.seqs, found.arms, found.propensities, strict=True)
            for seq, arm, propensity in rows:
                answered[seq] = (arm, propensity, *shared)
        return answered
