"""Pools, experiments and policies as protobuf messages."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from google.protobuf.struct_pb2 import Value

from proxysvc.grpc.gate_messages import gate_message
from proxysvc.grpc.values import to_struct
from proxysvc.grpc.values import to_texts
from proxysvc.params import shown_params
from qbrixcore.definition import DefinitionArm
from qbrixcore.param.hyper import ParamInfo
from qbrixcore.policy.spec import PolicySpec
from qbrixcore.pool import Pool
from qbrixproto import common_pb2 as common
from qbrixproto import proxy_pb2 as proxy
from qbrixstore.postgres.records import ExperimentRecord
from qbrixstore.postgres.records import PoolRecord


class Detail(NamedTuple):
    """What every answer about an experiment is made of."""

    experiment: common.Experiment
    pool: common.Pool
    gate: proxy.FeatureGateConfig | None


def pool(record: PoolRecord) -> common.Pool:
    """A pool with its times."""
    message = embedded_pool(record.pool)
    message.created_at = _moment(record.created_at)
    message.updated_at = _moment(record.updated_at)
    return message


def embedded_pool(shown: Pool) -> common.Pool:
    """A pool as part of an experiment; its times are not set."""
    return common.Pool(
        id=shown.id,
        name=shown.name,
        arms=[
            common.Arm(
                id=arm.id,
                name=arm.name,
                index=arm.index,
                is_active=arm.is_active,
                metadata=to_texts(arm.metadata),
            )
            for arm in shown.arms
        ],
    )


def detail(record: ExperimentRecord) -> Detail:
    """An experiment; its parameters both as a Struct and as the older string map."""
    experiment = record.experiment
    params = shown_params(experiment)
    message = common.Experiment(
        id=experiment.id,
        name=experiment.name,
        pool_id=experiment.pool.id,
        policy=experiment.policy,
        policy_params=to_texts(params),
        policy_params_json=to_struct(params),
        enabled=experiment.enabled,
        reward_window_sec=experiment.reward_window_sec,
        default_reward=experiment.default_reward,
        created_at=_moment(record.created_at),
        updated_at=_moment(record.updated_at),
    )
    return Detail(message, embedded_pool(experiment.pool), gate_message(record))


def item(made: Detail) -> proxy.ExperimentDetail:
    """An experiment in a list."""
    return proxy.ExperimentDetail(
        experiment=made.experiment, pool=made.pool, feature_gate=made.gate
    )


def decision(
    arm: DefinitionArm, index: int, request_id: str | None, is_default: bool
) -> proxy.SelectResponse:
    """The answer to a select."""
    answer = proxy.SelectResponse(request_id=request_id or "", is_default=is_default)
    # filled in place: a message that is put into another is copied
    chosen = answer.arm
    chosen.id = arm.id
    chosen.name = arm.name
    chosen.index = index
    chosen.is_active = arm.active
    return answer


def policy(spec: PolicySpec) -> proxy.Policy:
    """A policy and its parameters."""
    return proxy.Policy(
        name=spec.name,
        category=spec.category,
        reward_types=spec.reward_types,
        description=spec.description,
        user_params=[_param(info) for info in spec.params],
    )


def _param(info: ParamInfo) -> proxy.PolicyParam:
    message = proxy.PolicyParam(
        name=info.name,
        type=info.type,
        required=info.required,
        description=info.description,
        constraints=info.constraints,
    )
    if info.default is not None:
        message.default.CopyFrom(_value(info.default))
    return message


def _value(default: float | int | str | bool) -> Value:
    if isinstance(default, bool):
        return Value(bool_value=default)
    if isinstance(default, str):
        return Value(string_value=default)
    return Value(number_value=float(default))


def _moment(moment: datetime) -> str:
    return moment.isoformat()
