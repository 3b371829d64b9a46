"""Every encoding that one process leaves for another, with something encoded in it."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from functools import partial
from typing import Any
from typing import Final
from typing import NamedTuple

import msgspec
import numpy as np
from google.protobuf.message import Message

from proxysvc import token
from qbrixcore import definition as definitions
from qbrixcore.definition import Definition
from qbrixcore.definition import DefinitionArm
from qbrixcore.param import codec
from qbrixcore.param.codec import Header
from qbrixcore.param.codec import Origin
from qbrixcore.param.codec import Stored
from qbrixcore.policy.registry import SPECS
from qbrixproto.motor_pb2 import AnswerFrame
from qbrixproto.motor_pb2 import AnswerGroup
from qbrixproto.motor_pb2 import SelectFrame
from qbrixproto.motor_pb2 import SelectGroup
from qbrixstore.redis import awaited
from qbrixstore.redis import choices
from qbrixstore.redis import event
from qbrixstore.redis.awaited import AwaitedBatch
from qbrixstore.redis.awaited import AwaitedReward
from qbrixstore.redis.choices import ChoiceEvent
from qbrixstore.redis.event import ControlEvent
from qbrixstore.redis.event import FeedbackEvent

VECTOR: Final = np.array([1.0, -0.5, 2.0], "<f4").tobytes()
KEYS: Final = token.Keyring.parse(["k1:" + 32 * "s"], strong=True)


class Form(NamedTuple):
    """An encoding: ``older`` are the fields that the version before did not write.

    They have the values that are assumed where they are missing.
    """

    value: Any
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]
    older: Mapping[str, Any]

    def as_of_before(self) -> Any:
        """The value as far as the version before could tell it."""
        if isinstance(self.value, Stored):
            header = msgspec.structs.replace(self.value.header, **self.older)
            return Stored(header, self.value.state)
        if isinstance(self.value, Message):
            return without(self.value, self.older)
        return msgspec.structs.replace(self.value, **self.older)


def without(message: Message, fields: Mapping[str, Any]) -> Any:
    """The message without fields of it and of its groups."""
    found: Any = type(message)()
    found.CopyFrom(message)
    for part in (found, *found.groups):
        for name in fields.keys() & part.DESCRIPTOR.fields_by_name.keys():
            part.ClearField(name)
    return found


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, to the last bit of a state."""
    if not isinstance(one, Stored):
        return bool(one == other)
    mine, yours = one.state.arrays(), other.state.arrays()
    bits = all(mine[name].tobytes() == yours[name].tobytes() for name in mine)
    headers = (msgspec.structs.replace(s.header, arrays=[]) for s in (one, other))
    return bits and mine.keys() == yours.keys() and len(set(map(repr, headers))) == 1


def _state(policy: str) -> Stored:
    spec = SPECS[policy]
    hyper = spec.validate(spec.example)
    prior = spec.prior(3, hyper)
    pulls = np.array([3, 0, 7])
    given = msgspec.to_builtins(hyper)
    header = Header(
        policy=policy,
        num_arms=3,
        dim=prior.dim,
        fence=4,
        generation=2,
        version=17,
        learned_through="1700000000000-3",
        learned_through_ms=1_700_000_000_000,
        updates=10,
        definition=5,
        hyper=given,
        origin=Origin(definition=4, num_arms=2, hyper=given, restored=9, since="ab"),
        builds=("0.1.0+00000000",),
    )
    return Stored(header, msgspec.structs.replace(prior, pulls=pulls))


def _decode_one(decode: Callable[[list[bytes]], list[Any]], data: bytes) -> Any:
    [found] = decode([data])
    return found


def _packed(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


_ORIGIN: Final = {"origin": None, "builds": ()}
FORMS: Final[Mapping[str, Form]] = {
    "definition": Form(
        Definition(
            tenant="t1",
            experiment="e1",
            version=7,
            policy="LinUCBPolicy",
            hyper={"dim": 3, "alpha": 1.5},
            arms=(DefinitionArm("a1", "one"), DefinitionArm("a2", "two", False)),
            schema=[{"name": "age", "type": "numeric", "min": 0.0, "max": 9.0}],
            dim=3,
            enabled=False,
            gate={"rules": []},
            reward_window_sec=60,
            generation=2,
            restored=9,
            default_reward=0.25,
        ),
        definitions.encode,
        definitions.decode,
        {"default_reward": None},
    ),
    "feedback": Form(
        FeedbackEvent(
            issuer=2**64 - 1,
            sequence=5,
            tenant="t1",
            experiment="e1",
            generation=2,
            arm=1,
            reward=0.1,
            propensity=0.3,
            vector=VECTOR,
            issued_ms=1_700_000_000_000,
            received_ms=1_700_000_000_500,
            traceparent="00-ab-cd-01",
        ),
        event.encode,
        event.decode,
        {"traceparent": ""},
    ),
    "control": Form(
        ControlEvent(
            tenant="t1",
            experiment="e1",
            version=8,
            generation=3,
            restored=17,
            num_arms=4,
            hyper={"dim": 3, "alpha": 1.5},
        ),
        event.encode,
        event.decode_control,
        {},
    ),
    "choice": Form(
        ChoiceEvent(
            issuer=7,
            sequence=5,
            tenant="t1",
            experiment="e1",
            generation=2,
            arm=1,
            version=17,
            propensity=0.3,
            vector=VECTOR,
            issued_ms=1_700_000_000_000,
            context_id="ü",
        ),
        choices.encode_choice,
        partial(_decode_one, choices.decode_choices),
        {},
    ),
    "awaited": Form(
        AwaitedBatch(
            tenant="t1",
            experiment="e1",
            reward=0.0,
            due_ms=1_700_000_060_000,
            known_until_ms=1_700_003_600_000,
            selections=(
                AwaitedReward(7, 5, 1_700_000_000_000, 2, 1, 0.3, VECTOR),
                AwaitedReward(7, 6, 1_700_000_000_001, 2, 0, None, None),
            ),
        ),
        lambda batch: awaited.encode_batch(batch).data,
        awaited.decode_batch,
        {},
    ),
    "token": Form(
        token.Token(
            1,
            KEYS.signing_id,
            "t1",
            "e1",
            1,
            7,
            5,
            1_700_000_000_000,
            1,
            2,
            17,
            0.3,
            VECTOR,
            token.GATED,
            60,
        ),
        lambda one: token.seal(one, KEYS.signing_key).encode(),
        lambda data: token.unseal(data.decode(), KEYS),
        {"flags": 0, "window_sec": 0},
    ),
    "select-frame": Form(
        SelectFrame(
            groups=[
                SelectGroup(
                    tenant_id="t1",
                    experiment_id="e1",
                    definition_version=7,
                    seqs=[1, 2],
                    remaining_ms=[400, 399],
                    context_ids=["c1", "c2"],
                    dim=3,
                    vectors=2 * VECTOR,
                    trace_ids=["", "r2"],
                    traceparents=["", "00-ab-cd-01"],
                )
            ]
        ),
        _packed,
        SelectFrame.FromString,
        {"traceparents": [], "trace_ids": []},
    ),
    "answer-frame": Form(
        AnswerFrame(
            groups=[
                AnswerGroup(
                    seqs=[1, 2],
                    arms=[0, 1],
                    propensities=[0.25, 0.75],
                    generation=2,
                    param_version=17,
                    definition_version=7,
                ),
                AnswerGroup(seqs=[3], status=5, detail="no such experiment"),
            ],
            received=3,
        ),
        _packed,
        AnswerFrame.FromString,
        {"definition_version": 0},
    ),
    **{
        f"state-{policy}": Form(_state(policy), codec.encode, codec.decode, _ORIGIN)
        for policy in sorted(SPECS)
    },
}
