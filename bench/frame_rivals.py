"""Protobuf forms of a frame that the motor stream does not have."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
from bench.frame_forms import Answered
from bench.frame_forms import Answers
from bench.frame_forms import Batch
from bench.frame_forms import Item
from bench.frame_forms import batches_of
from bench.frame_forms import grouped
from bench.frame_forms import matrix
from google.protobuf import descriptor_pb2
from google.protobuf import descriptor_pool
from google.protobuf import message_factory


def _message(name: str, fields: str, *inner: type[Any]) -> type[Any]:
    """A message class from "label type name" lines, for forms not in proto/."""
    types = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name=f"bench_{name}.proto", package="bench", syntax="proto3"
    )
    message = file.message_type.add(name=name)
    for number, line in enumerate(fields.split(","), start=1):
        label, kind, field = line.split()
        added = message.field.add(name=field, number=number)
        added.label = types.Label.Value(f"LABEL_{label.upper()}")
        if inner and kind == "message":
            added.type_name = f".bench.{inner[0].DESCRIPTOR.name}"
            file.dependency.append(inner[0].DESCRIPTOR.file.name)
        added.type = types.Type.Value(f"TYPE_{kind.upper()}")
    pool = descriptor_pool.Default()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"bench.{name}"))


_ItemMessage = _message(
    "Item",
    "optional uint64 seq,optional string tenant,optional string experiment,"
    "optional uint64 definition_version,optional string context_id,"
    "optional bytes vector,optional uint32 remaining_ms",
)
_ItemFrame = _message("ItemFrame", "repeated message items", _ItemMessage)
_AnswerMessage = _message(
    "Answer",
    "optional uint64 seq,optional uint32 arm,optional double propensity,"
    "optional uint64 generation,optional uint64 param_version,"
    "optional uint64 definition_version",
)
_ReplyFrame = _message("ReplyFrame", "repeated message answers", _AnswerMessage)


class ItemMessages:
    """Protobuf, one message an item."""

    name = "messages"

    def encode_items(self, items: list[Item], dim: int) -> bytes:
        """One message each."""
        frame = _ItemFrame()
        for item in items:
            frame.items.add(
                seq=item.seq,
                tenant=item.tenant,
                experiment=item.experiment,
                definition_version=item.definition_version,
                context_id=item.context_id,
                vector=item.vector,
                remaining_ms=item.remaining_ms,
            )
        return bytes(frame.SerializeToString())

    def decode_items(self, data: bytes) -> list[Batch]:
        """Grouped on arrival."""
        items = _ItemFrame.FromString(data).items
        return batches_of(
            ((i.tenant, i.experiment, i.definition_version), i.seq, i.vector)
            for i in items
        )

    def encode_answers(self, answers: list[Answers]) -> bytes:
        """One message each."""
        frame = _ReplyFrame()
        for found in answers:
            arms, propensities = found.arms.tolist(), found.propensities.tolist()
            for seq, arm, p in zip(found.seqs, arms, propensities, strict=True):
                frame.answers.add(
                    seq=seq,
                    arm=arm,
                    propensity=p,
                    generation=found.generation,
                    param_version=found.param_version,
                    definition_version=found.definition_version,
                )
        return bytes(frame.SerializeToString())

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
            for a in _ReplyFrame.FromString(data).answers
        }


_GroupMessage = _message(
    "Group",
    "optional string tenant,optional string experiment,"
    "optional uint64 definition_version,optional bytes seqs,"
    "optional bytes remaining_ms,repeated string context_ids,optional bytes vectors",
)
_GroupFrame = _message("GroupFrame", "repeated message groups", _GroupMessage)
_FoundMessage = _message(
    "Found",
    "optional bytes seqs,optional bytes arms,optional bytes propensities,"
    "optional uint64 generation,optional uint64 param_version,"
    "optional uint64 definition_version",
)
_FoundFrame = _message("FoundFrame", "repeated message groups", _FoundMessage)


class ByteColumns:
    """Protobuf, one group an experiment, little-endian bytes a numeric column."""

    name = "byte columns"

    def encode_items(self, items: list[Item], dim: int) -> bytes:
        """One group an experiment."""
        frame = _GroupFrame()
        for (tenant, experiment, version), group in grouped(items).items():
            frame.groups.add(
                tenant=tenant,
                experiment=experiment,
                definition_version=version,
                seqs=array("Q", [item.seq for item in group]).tobytes(),
                remaining_ms=array("I", [i.remaining_ms for i in group]).tobytes(),
                context_ids=[item.context_id for item in group],
                vectors=b"".join([item.vector for item in group]),
            )
        return bytes(frame.SerializeToString())

    def decode_items(self, data: bytes) -> list[Batch]:
        """Its batches."""
        batches = []
        for group in _GroupFrame.FromString(data).groups:
            seqs = array("Q", group.seqs).tolist()
            batches.append(Batch(seqs, matrix(group.vectors, len(seqs))))
        return batches

    def encode_answers(self, answers: list[Answers]) -> bytes:
        """One group a batch."""
        frame = _FoundFrame()
        for found in answers:
            frame.groups.add(
                seqs=array("Q", found.seqs).tobytes(),
                arms=found.arms.astype(np.uint32).tobytes(),
                propensities=found.propensities.tobytes(),
                generation=found.generation,
                param_version=found.param_version,
                definition_version=found.definition_version,
            )
        return bytes(frame.SerializeToString())

    def decode_answers(self, data: bytes) -> Answered:
        """By seq."""
        answered: Answered = {}
        for group in _FoundFrame.FromString(data).groups:
            shared = (group.generation, group.param_version, group.definition_version)
            columns = (
                array("Q", group.seqs),
                array("I", group.arms),
                array("d", group.propensities),
            )
            for seq, arm, propensity in zip(*columns, strict=True):
                answered[seq] = (arm, propensity, *shared)
        return answered
