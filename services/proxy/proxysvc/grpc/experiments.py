"""ProxyService: experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from msgspec import UNSET

from proxysvc.experiments import ExperimentService
from proxysvc.experiments import NewExperiment
from proxysvc.grpc import messages
from proxysvc.grpc.base import Methods
from proxysvc.grpc.base import page_limit
from proxysvc.grpc.caller import Context
from proxysvc.grpc.gate_messages import gate_config
from proxysvc.grpc.values import from_struct
from proxysvc.grpc.values import from_texts
from proxysvc.windows import WindowChange
from qbrixproto import proxy_pb2 as proxy


class ExperimentMethods(Methods):
    """The methods about experiments."""

    experiments: ExperimentService

    async def CreateExperiment(
        self, request: proxy.CreateExperimentRequest, context: Context
    ) -> proxy.CreateExperimentResponse:
        """A new experiment, ready to be selected from."""
        new = NewExperiment(
            name=request.name,
            pool_id=request.pool_id,
            policy=request.policy,
            policy_params=_given_params(request) or {},
            enabled=request.enabled,
            gate=gate_config(request.feature_gate)
            if request.HasField("feature_gate")
            else None,
            reward_window_sec=_given(request, "reward_window_sec"),
            default_reward=_given(request, "default_reward"),
        )
        record = await self.experiments.create(await self.caller(), new)
        made = messages.detail(record)
        return proxy.CreateExperimentResponse(
            experiment=made.experiment, pool=made.pool, feature_gate=made.gate
        )

    async def GetExperiment(
        self, request: proxy.GetExperimentRequest, context: Context
    ) -> proxy.GetExperimentResponse:
        """One experiment."""
        caller = await self.caller()
        made = messages.detail(
            await self.experiments.get(caller, request.experiment_id)
        )
        return proxy.GetExperimentResponse(
            experiment=made.experiment, pool=made.pool, feature_gate=made.gate
        )

    async def ListExperiments(
        self, request: proxy.ListExperimentsRequest, context: Context
    ) -> proxy.ListExperimentsResponse:
        """Some experiments, the newest first, with the limit that was used."""
        limit = page_limit(request.limit)
        records = await self.experiments.page(
            await self.caller(),
            limit,
            request.offset,
            request.search if request.HasField("search") else None,
            request.enabled if request.HasField("enabled") else None,
        )
        details = [messages.detail(record) for record in records]
        return proxy.ListExperimentsResponse(
            experiments=[one.experiment for one in details],
            items=[messages.item(one) for one in details],
            limit=limit,
            offset=request.offset,
        )

    async def UpdateExperiment(
        self, request: proxy.UpdateExperimentRequest, context: Context
    ) -> proxy.UpdateExperimentResponse:
        """Pause, resume or re-tune; what is not given stays."""
        record = await self.experiments.update(
            await self.caller(),
            request.experiment_id,
            request.enabled if request.HasField("enabled") else None,
            _given_params(request),
            gated=request.HasField("feature_gate"),
            window=_window(request),
        )
        made = messages.detail(record)
        return proxy.UpdateExperimentResponse(
            experiment=made.experiment, pool=made.pool, feature_gate=made.gate
        )

    async def DeleteExperiment(
        self, request: proxy.DeleteExperimentRequest, context: Context
    ) -> proxy.DeleteExperimentResponse:
        """The experiment and what it learned are gone; its pool stays."""
        caller = await self.caller()
        await self.experiments.delete(caller, request.experiment_id)
        return proxy.DeleteExperimentResponse(deleted=True)


def _window(request: proxy.UpdateExperimentRequest) -> WindowChange:
    """What is said of the window; there is no null on this wire."""
    seconds = _given(request, "reward_window_sec")
    default = _given(request, "default_reward")
    if default is None and not request.without_default_reward:
        default = UNSET
    return WindowChange(UNSET if seconds is None else seconds or None, default)


def _given(request: Message, name: str) -> Any:
    """The value of an optional field, None if it is not set."""
    return getattr(request, name) if request.HasField(name) else None


def _given_params(
    request: proxy.CreateExperimentRequest | proxy.UpdateExperimentRequest,
) -> Mapping[str, Any] | None:
    """Parameters from the Struct, or from the string map of older clients."""
    if request.HasField("policy_params_json"):
        return from_struct(request.policy_params_json)
    if request.policy_params:
        return from_texts(request.policy_params)
    return None
