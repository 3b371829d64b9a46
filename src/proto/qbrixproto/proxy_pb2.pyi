from qbrixproto import common_pb2 as _common_pb2
from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreatePoolRequest(_message.Message):
    __slots__ = ("name", "arms")
    NAME_FIELD_NUMBER: _ClassVar[int]
    ARMS_FIELD_NUMBER: _ClassVar[int]
    name: str
    arms: _containers.RepeatedCompositeFieldContainer[_common_pb2.Arm]
    def __init__(self, name: _Optional[str] = ..., arms: _Optional[_Iterable[_Union[_common_pb2.Arm, _Mapping]]] = ...) -> None: ...

class CreatePoolResponse(_message.Message):
    __slots__ = ("pool",)
    POOL_FIELD_NUMBER: _ClassVar[int]
    pool: _common_pb2.Pool
    def __init__(self, pool: _Optional[_Union[_common_pb2.Pool, _Mapping]] = ...) -> None: ...

class GetPoolRequest(_message.Message):
    __slots__ = ("pool_id",)
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    def __init__(self, pool_id: _Optional[str] = ...) -> None: ...

class GetPoolResponse(_message.Message):
    __slots__ = ("pool",)
    POOL_FIELD_NUMBER: _ClassVar[int]
    pool: _common_pb2.Pool
    def __init__(self, pool: _Optional[_Union[_common_pb2.Pool, _Mapping]] = ...) -> None: ...

class DeletePoolRequest(_message.Message):
    __slots__ = ("pool_id",)
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    def __init__(self, pool_id: _Optional[str] = ...) -> None: ...

class DeletePoolResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: _Optional[bool] = ...) -> None: ...

class ListPoolsRequest(_message.Message):
    __slots__ = ("limit", "offset")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    limit: int
    offset: int
    def __init__(self, limit: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class ListPoolsResponse(_message.Message):
    __slots__ = ("pools", "limit", "offset")
    POOLS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    pools: _containers.RepeatedCompositeFieldContainer[_common_pb2.Pool]
    limit: int
    offset: int
    def __init__(self, pools: _Optional[_Iterable[_Union[_common_pb2.Pool, _Mapping]]] = ..., limit: _Optional[int] = ..., offset: _Optional[int] = ...) -> None: ...

class UpdatePoolRequest(_message.Message):
    __slots__ = ("pool_id", "name")
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    name: str
    def __init__(self, pool_id: _Optional[str] = ..., name: _Optional[str] = ...) -> None: ...

class UpdatePoolResponse(_message.Message):
    __slots__ = ("pool",)
    POOL_FIELD_NUMBER: _ClassVar[int]
    pool: _common_pb2.Pool
    def __init__(self, pool: _Optional[_Union[_common_pb2.Pool, _Mapping]] = ...) -> None: ...

class ExperimentDetail(_message.Message):
    __slots__ = ("experiment", "feature_gate", "pool")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    FEATURE_GATE_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    experiment: _common_pb2.Experiment
    feature_gate: FeatureGateConfig
    pool: _common_pb2.Pool
    def __init__(self, experiment: _Optional[_Union[_common_pb2.Experiment, _Mapping]] = ..., feature_gate: _Optional[_Union[FeatureGateConfig, _Mapping]] = ..., pool: _Optional[_Union[_common_pb2.Pool, _Mapping]] = ...) -> None: ...

class CreateExperimentRequest(_message.Message):
    __slots__ = ("name", "pool_id", "policy", "policy_params", "enabled", "feature_gate", "policy_params_json", "reward_window_sec", "default_reward")
    class PolicyParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_FIELD_NUMBER: _ClassVar[int]
    POLICY_PARAMS_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    FEATURE_GATE_FIELD_NUMBER: _ClassVar[int]
    POLICY_PARAMS_JSON_FIELD_NUMBER: _ClassVar[int]
    REWARD_WINDOW_SEC_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_REWARD_FIELD_NUMBER: _ClassVar[int]
    name: str
    pool_id: str
    policy: str
    policy_params: _containers.ScalarMap[str, str]
    enabled: bool
    feature_gate: FeatureGateConfig
    policy_params_json: _struct_pb2.Struct
    reward_window_sec: int
    default_reward: float
    def __init__(self, name: _Optional[str] = ..., pool_id: _Optional[str] = ..., policy: _Optional[str] = ..., policy_params: _Optional[_Mapping[str, str]] = ..., enabled: _Optional[bool] = ..., feature_gate: _Optional[_Union[FeatureGateConfig, _Mapping]] = ..., policy_params_json: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., reward_window_sec: _Optional[int] = ..., default_reward: _Optional[float] = ...) -> None: ...

class FeatureGateConfig(_message.Message):
    __slots__ = ("enabled", "rollout_percentage", "default_arm_id", "schedule", "active_hours", "timezone", "rules")
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_PERCENTAGE_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_ARM_ID_FIELD_NUMBER: _ClassVar[int]
    SCHEDULE_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_HOURS_FIELD_NUMBER: _ClassVar[int]
    TIMEZONE_FIELD_NUMBER: _ClassVar[int]
    RULES_FIELD_NUMBER: _ClassVar[int]
    enabled: bool
    rollout_percentage: float
    default_arm_id: str
    schedule: ScheduleConfig
    active_hours: ActiveHoursConfig
    timezone: str
    rules: _containers.RepeatedCompositeFieldContainer[RuleConfig]
    def __init__(self, enabled: _Optional[bool] = ..., rollout_percentage: _Optional[float] = ..., default_arm_id: _Optional[str] = ..., schedule: _Optional[_Union[ScheduleConfig, _Mapping]] = ..., active_hours: _Optional[_Union[ActiveHoursConfig, _Mapping]] = ..., timezone: _Optional[str] = ..., rules: _Optional[_Iterable[_Union[RuleConfig, _Mapping]]] = ...) -> None: ...

class ScheduleConfig(_message.Message):
    __slots__ = ("start_timestamp_ms", "end_timestamp_ms")
    START_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    END_TIMESTAMP_MS_FIELD_NUMBER: _ClassVar[int]
    start_timestamp_ms: int
    end_timestamp_ms: int
    def __init__(self, start_timestamp_ms: _Optional[int] = ..., end_timestamp_ms: _Optional[int] = ...) -> None: ...

class ActiveHoursConfig(_message.Message):
    __slots__ = ("start", "end")
    START_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    start: str
    end: str
    def __init__(self, start: _Optional[str] = ..., end: _Optional[str] = ...) -> None: ...

class RuleConfig(_message.Message):
    __slots__ = ("key", "operator", "value", "arm_id")
    KEY_FIELD_NUMBER: _ClassVar[int]
    OPERATOR_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ARM_ID_FIELD_NUMBER: _ClassVar[int]
    key: str
    operator: str
    value: str
    arm_id: str
    def __init__(self, key: _Optional[str] = ..., operator: _Optional[str] = ..., value: _Optional[str] = ..., arm_id: _Optional[str] = ...) -> None: ...

class CreateExperimentResponse(_message.Message):
    __slots__ = ("experiment", "feature_gate", "pool")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    FEATURE_GATE_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    experiment: _common_pb2.Experiment
    feature_gate: FeatureGateConfig
    pool: _common_pb2.Pool
    def __init__(self, experiment: _Optional[_Union[_common_pb2.Experiment, _Mapping]] = ..., feature_gate: _Optional[_Union[FeatureGateConfig, _Mapping]] = ..., pool: _Optional[_Union[_common_pb2.Pool, _Mapping]] = ...) -> None: ...

class GetExperimentRequest(_message.Message):
    __slots__ = ("experiment_id",)
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    def __init__(self, experiment_id: _Optional[str] = ...) -> None: ...

class GetExperimentResponse(_message.Message):
    __slots__ = ("experiment", "feature_gate", "pool")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    FEATURE_GATE_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    experiment: _common_pb2.Experiment
    feature_gate: FeatureGateConfig
    pool: _common_pb2.Pool
    def __init__(self, experiment: _Optional[_Union[_common_pb2.Experiment, _Mapping]] = ..., feature_gate: _Optional[_Union[FeatureGateConfig, _Mapping]] = ..., pool: _Optional[_Union[_common_pb2.Pool, _Mapping]] = ...) -> None: ...

class UpdateExperimentRequest(_message.Message):
    __slots__ = ("experiment_id", "enabled", "policy_params", "feature_gate", "policy_params_json", "reward_window_sec", "default_reward", "without_default_reward")
    class PolicyParamsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    POLICY_PARAMS_FIELD_NUMBER: _ClassVar[int]
    FEATURE_GATE_FIELD_NUMBER: _ClassVar[int]
    POLICY_PARAMS_JSON_FIELD_NUMBER: _ClassVar[int]
    REWARD_WINDOW_SEC_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_REWARD_FIELD_NUMBER: _ClassVar[int]
    WITHOUT_DEFAULT_REWARD_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    enabled: bool
    policy_params: _containers.ScalarMap[str, str]
    feature_gate: FeatureGateConfig
    policy_params_json: _struct_pb2.Struct
    reward_window_sec: int
    default_reward: float
    without_default_reward: bool
    def __init__(self, experiment_id: _Optional[str] = ..., enabled: _Optional[bool] = ..., policy_params: _Optional[_Mapping[str, str]] = ..., feature_gate: _Optional[_Union[FeatureGateConfig, _Mapping]] = ..., policy_params_json: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., reward_window_sec: _Optional[int] = ..., default_reward: _Optional[float] = ..., without_default_reward: _Optional[bool] = ...) -> None: ...

class UpdateExperimentResponse(_message.Message):
    __slots__ = ("experiment", "feature_gate", "pool")
    EXPERIMENT_FIELD_NUMBER: _ClassVar[int]
    FEATURE_GATE_FIELD_NUMBER: _ClassVar[int]
    POOL_FIELD_NUMBER: _ClassVar[int]
    experiment: _common_pb2.Experiment
    feature_gate: FeatureGateConfig
    pool: _common_pb2.Pool
    def __init__(self, experiment: _Optional[_Union[_common_pb2.Experiment, _Mapping]] = ..., feature_gate: _Optional[_Union[FeatureGateConfig, _Mapping]] = ..., pool: _Optional[_Union[_common_pb2.Pool, _Mapping]] = ...) -> None: ...

class DeleteExperimentRequest(_message.Message):
    __slots__ = ("experiment_id",)
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    def __init__(self, experiment_id: _Optional[str] = ...) -> None: ...

class DeleteExperimentResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: _Optional[bool] = ...) -> None: ...

class ListExperimentsRequest(_message.Message):
    __slots__ = ("limit", "offset", "search", "enabled")
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SEARCH_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FIELD_NUMBER: _ClassVar[int]
    limit: int
    offset: int
    search: str
    enabled: bool
    def __init__(self, limit: _Optional[int] = ..., offset: _Optional[int] = ..., search: _Optional[str] = ..., enabled: _Optional[bool] = ...) -> None: ...

class ListExperimentsResponse(_message.Message):
    __slots__ = ("experiments", "limit", "offset", "items")
    EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    experiments: _containers.RepeatedCompositeFieldContainer[_common_pb2.Experiment]
    limit: int
    offset: int
    items: _containers.RepeatedCompositeFieldContainer[ExperimentDetail]
    def __init__(self, experiments: _Optional[_Iterable[_Union[_common_pb2.Experiment, _Mapping]]] = ..., limit: _Optional[int] = ..., offset: _Optional[int] = ..., items: _Optional[_Iterable[_Union[ExperimentDetail, _Mapping]]] = ...) -> None: ...

class ListPoolExperimentsRequest(_message.Message):
    __slots__ = ("pool_id",)
    POOL_ID_FIELD_NUMBER: _ClassVar[int]
    pool_id: str
    def __init__(self, pool_id: _Optional[str] = ...) -> None: ...

class ListPoolExperimentsResponse(_message.Message):
    __slots__ = ("experiments", "items")
    EXPERIMENTS_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    experiments: _containers.RepeatedCompositeFieldContainer[_common_pb2.Experiment]
    items: _containers.RepeatedCompositeFieldContainer[ExperimentDetail]
    def __init__(self, experiments: _Optional[_Iterable[_Union[_common_pb2.Experiment, _Mapping]]] = ..., items: _Optional[_Iterable[_Union[ExperimentDetail, _Mapping]]] = ...) -> None: ...

class CreateGateConfigRequest(_message.Message):
    __slots__ = ("experiment_id", "config")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    config: FeatureGateConfig
    def __init__(self, experiment_id: _Optional[str] = ..., config: _Optional[_Union[FeatureGateConfig, _Mapping]] = ...) -> None: ...

class CreateGateConfigResponse(_message.Message):
    __slots__ = ("config",)
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    config: FeatureGateConfig
    def __init__(self, config: _Optional[_Union[FeatureGateConfig, _Mapping]] = ...) -> None: ...

class GetGateConfigRequest(_message.Message):
    __slots__ = ("experiment_id",)
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    def __init__(self, experiment_id: _Optional[str] = ...) -> None: ...

class GetGateConfigResponse(_message.Message):
    __slots__ = ("config",)
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    config: FeatureGateConfig
    def __init__(self, config: _Optional[_Union[FeatureGateConfig, _Mapping]] = ...) -> None: ...

class UpdateGateConfigRequest(_message.Message):
    __slots__ = ("experiment_id", "config", "update_mask")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    UPDATE_MASK_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    config: FeatureGateConfig
    update_mask: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, experiment_id: _Optional[str] = ..., config: _Optional[_Union[FeatureGateConfig, _Mapping]] = ..., update_mask: _Optional[_Iterable[str]] = ...) -> None: ...

class UpdateGateConfigResponse(_message.Message):
    __slots__ = ("config",)
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    config: FeatureGateConfig
    def __init__(self, config: _Optional[_Union[FeatureGateConfig, _Mapping]] = ...) -> None: ...

class DeleteGateConfigRequest(_message.Message):
    __slots__ = ("experiment_id",)
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    def __init__(self, experiment_id: _Optional[str] = ...) -> None: ...

class DeleteGateConfigResponse(_message.Message):
    __slots__ = ("deleted",)
    DELETED_FIELD_NUMBER: _ClassVar[int]
    deleted: bool
    def __init__(self, deleted: _Optional[bool] = ...) -> None: ...

class SelectRequest(_message.Message):
    __slots__ = ("experiment_id", "context")
    EXPERIMENT_ID_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_FIELD_NUMBER: _ClassVar[int]
    experiment_id: str
    context: _common_pb2.Context
    def __init__(self, experiment_id: _Optional[str] = ..., context: _Optional[_Union[_common_pb2.Context, _Mapping]] = ...) -> None: ...

class SelectResponse(_message.Message):
    __slots__ = ("arm", "request_id", "is_default")
    ARM_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    arm: _common_pb2.Arm
    request_id: str
    is_default: bool
    def __init__(self, arm: _Optional[_Union[_common_pb2.Arm, _Mapping]] = ..., request_id: _Optional[str] = ..., is_default: _Optional[bool] = ...) -> None: ...

class FeedbackRequest(_message.Message):
    __slots__ = ("request_id", "reward")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    reward: float
    def __init__(self, request_id: _Optional[str] = ..., reward: _Optional[float] = ...) -> None: ...

class FeedbackResponse(_message.Message):
    __slots__ = ("accepted",)
    ACCEPTED_FIELD_NUMBER: _ClassVar[int]
    accepted: bool
    def __init__(self, accepted: _Optional[bool] = ...) -> None: ...

class ListPoliciesRequest(_message.Message):
    __slots__ = ("reward_type",)
    REWARD_TYPE_FIELD_NUMBER: _ClassVar[int]
    reward_type: str
    def __init__(self, reward_type: _Optional[str] = ...) -> None: ...

class PolicyParam(_message.Message):
    __slots__ = ("name", "type", "required", "default", "description", "constraints")
    class ConstraintsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    REQUIRED_FIELD_NUMBER: _ClassVar[int]
    DEFAULT_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    CONSTRAINTS_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: str
    required: bool
    default: _struct_pb2.Value
    description: str
    constraints: _containers.ScalarMap[str, float]
    def __init__(self, name: _Optional[str] = ..., type: _Optional[str] = ..., required: _Optional[bool] = ..., default: _Optional[_Union[_struct_pb2.Value, _Mapping]] = ..., description: _Optional[str] = ..., constraints: _Optional[_Mapping[str, float]] = ...) -> None: ...

class Policy(_message.Message):
    __slots__ = ("name", "category", "reward_types", "description", "user_params")
    NAME_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    REWARD_TYPES_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    USER_PARAMS_FIELD_NUMBER: _ClassVar[int]
    name: str
    category: str
    reward_types: _containers.RepeatedScalarFieldContainer[str]
    description: str
    user_params: _containers.RepeatedCompositeFieldContainer[PolicyParam]
    def __init__(self, name: _Optional[str] = ..., category: _Optional[str] = ..., reward_types: _Optional[_Iterable[str]] = ..., description: _Optional[str] = ..., user_params: _Optional[_Iterable[_Union[PolicyParam, _Mapping]]] = ...) -> None: ...

class ListPoliciesResponse(_message.Message):
    __slots__ = ("policies",)
    POLICIES_FIELD_NUMBER: _ClassVar[int]
    policies: _containers.RepeatedCompositeFieldContainer[Policy]
    def __init__(self, policies: _Optional[_Iterable[_Union[Policy, _Mapping]]] = ...) -> None: ...
