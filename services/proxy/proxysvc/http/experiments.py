"""REST: experiments."""

from __future__ import annotations

from typing import Annotated
from typing import Any

import msgspec
from litestar import Controller
from litestar import delete
from litestar import get
from litestar import patch
from litestar import post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.params import JSONBody
from litestar.params import QueryParameter

from proxysvc.experiments import ExperimentService
from proxysvc.experiments import NewExperiment
from proxysvc.gates.config import GateConfig
from proxysvc.http.body import StrictJSON
from proxysvc.http.paging import Limit
from proxysvc.http.paging import Offset
from proxysvc.http.replies import ExperimentPage
from proxysvc.http.replies import ExperimentReply
from proxysvc.http.replies import Message
from proxysvc.inputs import LONGEST_NAME
from proxysvc.windows import WindowChange
from qbrixstore.postgres.principal import Principal

Search = Annotated[str | None, QueryParameter(description="part of a name, any case")]
Enabled = Annotated[bool | None, QueryParameter(description="only running, or paused")]


class ExperimentCreate(msgspec.Struct):
    """A new experiment on a pool; ``policy_params`` are those of the policy.

    Feedback is accepted for ``reward_window_sec`` seconds after a selection; without
    any by then ``default_reward`` is learned, if there is one.
    """

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
    pool_id: str
    policy: str = ""
    policy_params: dict[str, Any] = {}
    enabled: bool = True
    feature_gate: GateConfig | None = None
    reward_window_sec: int | None = None
    default_reward: float | None = None


class ExperimentUpdate(msgspec.Struct):
    """Changes of an experiment; what is absent or null stays.

    ``policy_params`` replace the whole object. A null ``reward_window_sec`` takes the
    window away and its default with it, a null ``default_reward`` the default alone.
    """

    enabled: bool | None = None
    policy_params: dict[str, Any] | None = None
    reward_window_sec: int | None | msgspec.UnsetType = msgspec.UNSET
    default_reward: float | None | msgspec.UnsetType = msgspec.UNSET


class ExperimentController(Controller):
    """Experiments of the caller's tenant."""

    path = "/experiments"
    tags = ("experiments",)

    @post(dto=StrictJSON[ExperimentCreate], return_dto=None)
    async def create_experiment(
        self,
        data: JSONBody[ExperimentCreate],
        experiments: NamedDependency[ExperimentService],
        principal: NamedDependency[Principal],
    ) -> ExperimentReply:
        """Create an experiment that can be selected from at once."""
        new = NewExperiment(
            name=data.name,
            pool_id=data.pool_id,
            policy=data.policy,
            policy_params=data.policy_params,
            enabled=data.enabled,
            gate=data.feature_gate,
            reward_window_sec=data.reward_window_sec,
            default_reward=data.default_reward,
        )
        return ExperimentReply.of(await experiments.create(principal, new))

    @get()
    async def list_experiments(
        self,
        experiments: NamedDependency[ExperimentService],
        principal: NamedDependency[Principal],
        limit: Limit = 100,
        offset: Offset = 0,
        search: Search = None,
        enabled: Enabled = None,
    ) -> ExperimentPage:
        """List experiments, the newest first."""
        records = await experiments.page(principal, limit, offset, search, enabled)
        replies = [ExperimentReply.of(record) for record in records]
        return ExperimentPage(replies, limit, offset)

    @get("/{experiment_id:str}")
    async def get_experiment(
        self,
        experiment_id: FromPath[str],
        experiments: NamedDependency[ExperimentService],
        principal: NamedDependency[Principal],
    ) -> ExperimentReply:
        """Get an experiment."""
        return ExperimentReply.of(await experiments.get(principal, experiment_id))

    @patch("/{experiment_id:str}", dto=StrictJSON[ExperimentUpdate], return_dto=None)
    async def update_experiment(
        self,
        experiment_id: FromPath[str],
        data: JSONBody[ExperimentUpdate],
        experiments: NamedDependency[ExperimentService],
        principal: NamedDependency[Principal],
    ) -> ExperimentReply:
        """Pause, resume or re-tune an experiment; what it learned is kept."""
        record = await experiments.update(
            principal,
            experiment_id,
            data.enabled,
            data.policy_params,
            window=WindowChange(data.reward_window_sec, data.default_reward),
        )
        return ExperimentReply.of(record)

    @delete("/{experiment_id:str}", status_code=200)
    async def delete_experiment(
        self,
        experiment_id: FromPath[str],
        experiments: NamedDependency[ExperimentService],
        principal: NamedDependency[Principal],
    ) -> Message:
        """Delete an experiment and what it learned; its pool stays."""
        await experiments.delete(principal, experiment_id)
        return Message(f"experiment deleted: {experiment_id}")
