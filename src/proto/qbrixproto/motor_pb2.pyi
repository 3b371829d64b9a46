from qbrixproto import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SelectRequest(_message.Message):
    __slots__ = ("tenant_id", "experiment_id", "context")
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    tenant_id: str
    experiment_id: str
    context: _common_pb2.Context
    def __init__(self, tenant_id: _Optional[str] = ..., experiment_id: _Optional[str] = ..., context: _Optional[_Union[_common_pb2.Context, _Mapping]] = ...) -> None: ...

class SelectResponse(_message.Message):
    __slots__ = ("arm",)
    ARM_FIELD_NUMBER: _ClassVar[int]
    arm: _common_pb2.Arm
    def __init__(self, arm: _Optional[_Union[_common_pb2.Arm, _Mapping]] = ...) -> None: ...

class SelectFrame(_message.Message):
    __slots__ = ("groups",)
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[SelectGroup]
    def __init__(self, groups: _Optional[_Iterable[_Union[SelectGroup, _Mapping]]] = ...) -> None: ...

class SelectGroup(_message.Message):
    __slots__ = ("tenant_id", "experiment_id", "definition_version", "seqs", "remaining_ms", "context_ids", "dim", "vectors", "trace_ids", "traceparents")
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_VERSION_FIELD_NUMBER: _ClassVar[int]
    SEQS_FIELD_NUMBER: _ClassVar[int]
    REMAINING_MS_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_IDS_FIELD_NUMBER: _ClassVar[int]
    DIM_FIELD_NUMBER: _ClassVar[int]
    VECTORS_FIELD_NUMBER: _ClassVar[int]
    TRACE_IDS_FIELD_NUMBER: _ClassVar[int]
    TRACEPARENTS_FIELD_NUMBER: _ClassVar[int]
    tenant_id: str
    experiment_id: str
    definition_version: int
    seqs: _containers.RepeatedScalarFieldContainer[int]
    remaining_ms: _containers.RepeatedScalarFieldContainer[int]
    context_ids: _containers.RepeatedScalarFieldContainer[str]
    dim: int
    vectors: bytes
    trace_ids: _containers.RepeatedScalarFieldContainer[str]
    traceparents: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, tenant_id: _Optional[str] = ..., experiment_id: _Optional[str] = ..., definition_version: _Optional[int] = ..., seqs: _Optional[_Iterable[int]] = ..., remaining_ms: _Optional[_Iterable[int]] = ..., context_ids: _Optional[_Iterable[str]] = ..., dim: _Optional[int] = ..., vectors: _Optional[bytes] = ..., trace_ids: _Optional[_Iterable[str]] = ..., traceparents: _Optional[_Iterable[str]] = ...) -> None: ...

class AnswerFrame(_message.Message):
    __slots__ = ("groups", "received")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    RECEIVED_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[AnswerGroup]
    received: int
    def __init__(self, groups: _Optional[_Iterable[_Union[AnswerGroup, _Mapping]]] = ..., received: _Optional[int] = ...) -> None: ...

class AnswerGroup(_message.Message):
    __slots__ = ("seqs", "status", "detail", "arms", "propensities", "generation", "param_version", "definition_version")
    SEQS_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    PROPENSITIES_FIELD_NUMBER: _ClassVar[int]
    GENERATION_FIELD_NUMBER: _ClassVar[int]
    PARAM_VERSION_FIELD_NUMBER: _ClassVar[int]
    DEFINITION_VERSION_FIELD_NUMBER: _ClassVar[int]
    seqs: _containers.RepeatedScalarFieldContainer[int]
    status: int
    detail: str
    arms: _containers.RepeatedScalarFieldContainer[int]
    propensities: _containers.RepeatedScalarFieldContainer[float]
    generation: int
    param_version: int
    definition_version: int
    def __init__(self, seqs: _Optional[_Iterable[int]] = ..., status: _Optional[int] = ..., detail: _Optional[str] = ..., arms: _Optional[_Iterable[int]] = ..., propensities: _Optional[_Iterable[float]] = ..., generation: _Optional[int] = ..., param_version: _Optional[int] = ..., definition_version: _Optional[int] = ...) -> None: ...
