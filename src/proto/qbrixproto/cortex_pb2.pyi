from qbrixproto import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FeedbackEvent(_message.Message):
    __slots__ = ("tenant_id", "experiment_id", "request_id", "arm_index", "reward", "context", "timestamp_ms")
    TENANT_ID_FIELD_NUMBER: _ClassVar[int]
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    ARM_INDEX_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    tenant_id: str
    experiment_id: str
    request_id: str
    arm_index: int
    reward: float
    context: _common_pb2.Context
    timestamp_ms: int
    def __init__(self, tenant_id: _Optional[str] = ..., experiment_id: _Optional[str] = ..., request_id: _Optional[str] = ..., arm_index: _Optional[int] = ..., reward: _Optional[float] = ..., context: _Optional[_Union[_common_pb2.Context, _Mapping]] = ..., timestamp_ms: _Optional[int] = ...) -> None: ...

class FlushBatchRequest(_message.Message):
    __slots__ = ("experiment_id",)
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    def __init__(self, experiment_id: _Optional[str] = ...) -> None: ...

class FlushBatchResponse(_message.Message):
    __slots__ = ("events_processed",)
    EVENTS_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    events_processed: int
    def __init__(self, events_processed: _Optional[int] = ...) -> None: ...

class GetStatsRequest(_message.Message):
    __slots__ = ("experiment_id",)
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    def __init__(self, experiment_id: _Optional[str] = ...) -> None: ...

class ExperimentStats(_message.Message):
    __slots__ = ("experiment_id", "total_events", "pending_events", "last_train_timestamp_ms")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    TOTAL_EVENTS_FIELD_NUMBER: _ClassVar[int]
    PENDING_EVENTS_FIELD_NUMBER: _ClassVar[int]
    LAST_TRAIN_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    total_events: int
    pending_events: int
    last_train_timestamp_ms: int
    def __init__(self, experiment_id: _Optional[str] = ..., total_events: _Optional[int] = ..., pending_events: _Optional[int] = ..., last_train_timestamp_ms: _Optional[int] = ...) -> None: ...

class ShardStats(_message.Message):
    __slots__ = ("shard", "is_owner", "total_events", "pending_events", "learned_events", "stale_events", "dropped_events", "dead_events", "lag_ms", "last_commit_timestamp_ms")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    IS_OWNER_FIELD_NUMBER: _ClassVar[int]
    TOTAL_EVENTS_FIELD_NUMBER: _ClassVar[int]
    PENDING_EVENTS_FIELD_NUMBER: _ClassVar[int]
    LEARNED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    STALE_EVENTS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    DEAD_EVENTS_FIELD_NUMBER: _ClassVar[int]
    LAG_MS_FIELD_NUMBER: _ClassVar[int]
    LAST_COMMIT_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    shard: int
    is_owner: bool
    total_events: int
    pending_events: int
    learned_events: int
    stale_events: int
    dropped_events: int
    dead_events: int
    lag_ms: int
    last_commit_timestamp_ms: int
    def __init__(self, shard: _Optional[int] = ..., is_owner: _Optional[bool] = ..., total_events: _Optional[int] = ..., pending_events: _Optional[int] = ..., learned_events: _Optional[int] = ..., stale_events: _Optional[int] = ..., dropped_events: _Optional[int] = ..., dead_events: _Optional[int] = ..., lag_ms: _Optional[int] = ..., last_commit_timestamp_ms: _Optional[int] = ...) -> None: ...

class GetStatsResponse(_message.Message):
    __slots__ = ("stats", "shards")
    STATS_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    stats: _containers.RepeatedCompositeFieldContainer[ExperimentStats]
    shards: _containers.RepeatedCompositeFieldContainer[ShardStats]
    def __init__(self, stats: _Optional[_Iterable[_Union[ExperimentStats, _Mapping]]] = ..., shards: _Optional[_Iterable[_Union[ShardStats, _Mapping]]] = ...) -> None: ...
