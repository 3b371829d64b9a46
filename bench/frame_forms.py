"""What a frame form does, and the form the motor stream has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from qbrixproto import motor_pb2

Answered = dict[int, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Item:
    """One selection that waits to be sent."""

    seq: int
    tenant: str
    experiment: str
    definition_version: int
    context_id: str
    vector: bytes
    remaining_ms: int


class Batch(NamedTuple):
    """What the motor needs of one experiment's items: seqs (N,), vectors (N, D)."""

    seqs: list[int]
    vectors: NDArray[np.float32]


class Answers(NamedTuple):
    """What the motor found for one batch."""

    seqs: list[int]
    arms: NDArray[np.int64]
    propensities: NDArray[np.float64]
    generation: int
    param_version: int
    definition_version: int


class Form(Protocol):
    """Both directions of one wire form."""

    name: str

    def encode_items(self, items: list[Item], dim: int) -> bytes: ...

    def decode_items(self, data: bytes) -> list[Batch]: ...

    def encode_answers(self, answers: list[Answers]) -> bytes: ...

    def decode_answers(self, data: bytes) -> Answered: ...


def grouped(items: list[Item]) -> dict[tuple[str, str, int], list[Item]]:
    groups: dict[tuple[str, str, int], list[Item]] = defaultdict(list)
    for item in items:
        groups[item.tenant, item.experiment, item.definition_version].append(item)
    return groups


def batches_of(rows: Iterable[tuple[tuple[str, str, int], int, bytes]]) -> list[Batch]:
    groups: dict[tuple[str, str, int], tuple[list[int], list[bytes]]] = {}
    for key, seq, vector in rows:
        seqs, vectors = groups.setdefault(key, ([], []))
        seqs.append(seq)
        vectors.append(vector)
    return [Batch(seqs, matrix(b"".join(v), len(seqs))) for seqs, v in groups.values()]


def matrix(data: bytes, rows: int) -> NDArray[np.float32]:
    return np.frombuffer(data, np.float32).reshape(rows, -1 if data else 0)


class PackedColumns:
    """Protobuf, one group an experiment, a packed repeated field a column."""

    name = "columns"

    def encode_items(self, items: list[Item], dim: int) -> bytes:
        """A SelectFrame."""
        frame = motor_pb2.SelectFrame()
        for (tenant, experiment, version), group in grouped(items).items():
            frame.groups.add(
                tenant_id=tenant,
                experiment_id=experiment,
                definition_version=version,
                seqs=[item.seq for item in group],
                remaining_ms=[item.remaining_ms for item in group],
                context_ids=[item.context_id for item in group],
                dim=dim,
                vectors=b"".join([item.vector for item in group]),
            )
        return frame.SerializeToString()

    def decode_items(self, data: bytes) -> list[Batch]:
        """Its batches."""
        batches = []
        for group in motor_pb2.SelectFrame.FromString(data).groups:
            seqs = list(group.seqs)
            batches.append(Batch(seqs, matrix(group.vectors, len(seqs))))
        return batches

    def encode_answers(self, answers: list[Answers]) -> bytes:
        """An AnswerFrame."""
        frame = motor_pb2.AnswerFrame()
        for found in answers:
            frame.groups.add(
                seqs=found.seqs,
                arms=found.arms.tolist(),
                propensities=found.propensities.tolist(),
                generation=found.generation,
                param_version=found.param_version,
                definition_version=found.definition_version,
            )
        return frame.SerializeToString()

    def decode_answers(self, data: bytes) -> Answered:
        """Its answers by seq."""
        answered: Answered = {}
        for group in motor_pb2.AnswerFrame.FromString(data).groups:
            shared = (group.generation, group.param_version, group.definition_version)
            rows = zip(group.seqs, group.arms, group.propensities, strict=True)
            for seq, arm, propensity in rows:
                answered[seq] = (arm, propensity, *shared)
        return answered
